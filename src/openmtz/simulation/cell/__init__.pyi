from .frame_schedule import CameraRates as CameraRates, FrameSchedule as FrameSchedule
from .lines import (
    LINES_PERIOD_S as LINES_PERIOD_S,
    STOPS_ARM as STOPS_ARM,
    stop_is_open as stop_is_open,
    wired_lines as wired_lines,
)
from .played import JudgedShots as JudgedShots, PlayedCell as PlayedCell
from .rest import RestWatch as RestWatch
from .rig import CameraSwitches as CameraSwitches, graph_panel as graph_panel
from .shot_truth import ShotTruth as ShotTruth
from .topic_clock import TopicClock as TopicClock
