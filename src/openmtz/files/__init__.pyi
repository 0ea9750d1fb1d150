from .arrays import (
    MOST_ARRAY_MB as MOST_ARRAY_MB,
    npz_names as npz_names,
    read_npy as read_npy,
    read_npz as read_npz,
)
from .errors import UnsafeFileError as UnsafeFileError
from .mcap_record import check_mcap as check_mcap
from .whole import read_bytes as read_bytes, read_text as read_text
from .yaml_text import read_yaml as read_yaml
