from .gltf_file import read_gltf as read_gltf
from .obj_file import read_obj as read_obj
from .ply_file import read_ply as read_ply
from .stl_file import read_stl as read_stl
