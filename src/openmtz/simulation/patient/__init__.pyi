from .errors import PatientError as PatientError
from .lesions import wanted_lesions as wanted_lesions
from .motion import PatientMotion as PatientMotion, check_times as check_times
from .motion_parts import (
    Breathing as Breathing,
    Drift as Drift,
    MotionError as MotionError,
    MotionPart as MotionPart,
    SuddenMove as SuddenMove,
    Tremor as Tremor,
)
from .motion_request import motion_from_text as motion_from_text
from .patients import Patient as Patient
from .phantoms import load_phantoms as load_phantoms
from .place_in_cell import PATIENT_TARGET_M as PATIENT_TARGET_M
from .refine import refine_near as refine_near
from .request import PatientRequestError as PatientRequestError, build_patient as build_patient
from .sources import look_at_recording as look_at_recording
