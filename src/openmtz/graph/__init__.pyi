from .child import raise_priority as raise_priority
from .death import ProcessDied as ProcessDied, describe_death as describe_death
from .description import (
    NODE_NAMES as NODE_NAMES,
    GraphDescription as GraphDescription,
    GraphError as GraphError,
    ProcessSpec as ProcessSpec,
    load_graph as load_graph,
    share_folder as share_folder,
)
from .device_memory import (
    SERIAL as SERIAL,
    device_of_run as device_of_run,
    kept_device as kept_device,
    serial_of_patient as serial_of_patient,
)
from .lock import StackLock as StackLock
from .secret import (
    SECRET_FILE as SECRET_FILE,
    SecretError as SecretError,
    make_secret as make_secret,
    read_secret as read_secret,
    secret_path as secret_path,
)
from .supervisor import RUN_LINE_FDS as RUN_LINE_FDS, Supervisor as Supervisor
