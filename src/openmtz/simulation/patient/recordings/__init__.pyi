from .camera import camera_of as camera_of, check_one_camera as check_one_camera
from .choice import choose_files as choose_files
from .judged import check_surfaces as check_surfaces, check_unit as check_unit
from .marks import without_marks as without_marks
from .reading import read_frame as read_frame
