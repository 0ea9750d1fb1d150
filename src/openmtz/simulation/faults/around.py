"""Faults of patient, camera and arm."""

from __future__ import annotations

from openmtz.simulation.faults.fault import Fault

_TRACKING = "tracking of the skin by the camera while firing, judged by the registration's covariance"
_AT_GOAL = "a motion that does not end at its goal, as the joint states tell it, fails"

PATIENT: tuple[Fault, ...] = (
    Fault("patient_sudden_move", "patient", "the patient moves, now",
          {"translation_m": (0.003, 0.0, 0.0), "rotation_rad": 0.0, "duration_s": 0.25},
          harm="off-target", would_guard=_TRACKING),
    Fault("patient_drift", "patient", "the patient creeps away, from now on", {"velocity_m_s": 0.0005},
          harm="off-target", would_guard=_TRACKING),
    Fault("patient_tremor", "patient", "the patient shakes", {"amplitude_m": 0.0005},
          harm="patient-moved", shown_with={"amplitude_m": 0.0015},
          would_guard=_TRACKING + "; a rest for the limb"),
    Fault("patient_breathing", "patient", "the skin around the target rises and falls",
          {"amplitude_m": 0.004, "period_s": 4.0},
          harm="defocus", would_guard=_TRACKING + "; firing in one phase of the breath"),
)  # fmt: skip

CAMERA: tuple[Fault, ...] = (
    Fault("camera_bias", "camera", "depth has a smooth error fixed in the picture",
          {"bias_m": 0.002, "bias_wavelength_px": 160.0},
          harm="defocus", shown_with={"bias_m": 0.003},
          would_guard="a plate of known shape seen before each treatment"),
    Fault("camera_gloss", "camera", "no depth where oily skin mirrors the projector", {"gloss_rad": 0.1},
          guard="views from several sides; a hole in the surface is not planned on"),
    Fault("camera_noise", "camera", "noise times a factor", {"noise_factor": 5.0},
          harm="defocus", shown_with={"noise_factor": 15.0},
          would_guard="a limit for the noise that the capture estimates of itself"),
    Fault("camera_scale", "camera", "depth times a factor (a wrong depth unit)", {"depth_scale": 1.03},
          harm="defocus", would_guard="a plate at a known distance, or a second measure of distance"),
    Fault("camera_mounting", "camera", "the camera stands elsewhere than believed",
          {"hand_eye": (0.0, 0.0, 0.003, 0.0, 0.0, 0.0)},
          harm="defocus", would_guard="fiducials in the cell seen before each treatment"),
    Fault("camera_lost_frames", "camera", "a share of the frames never arrives", {"drop_share": 0.3},
          guard="the capture waits for enough frames of every view"),
    Fault("camera_blind", "camera", "no frame arrives any more", {},
          guard="the capture gives up after its time limit; nothing is planned",
          outcome="failed", cause="capture_frames"),
    Fault("camera_frozen", "camera", "the first picture is sent again and again", {},
          guard="seen from another view it shows no skin where skin is asked for; the capture gives up",
          outcome="failed", cause="capture_frames"),
    Fault("camera_stamps", "camera", "time stamps are wrong",
          {"stamp_offset_s": 0.2, "stamp_jitter_s": 0.0, "stamp_drift": 0.0},
          harm="defocus", shown_with={"stamp_offset_s": -0.35},
          guard="only frames whose stamp falls well within a rest of the arm are fused"),
    Fault("camera_hand", "camera", "a hand reaches into the picture",
          {"hand_share": 0.5, "hand_range_m": 0.2},
          harm="off-target", shown_with={"hand_share": 0.65, "hand_range_m": 0.28},
          would_guard="what is not skin taken out; views that must agree"),
)  # fmt: skip

ARM: tuple[Fault, ...] = (
    Fault("arm_creeps", "arm", "the arm moves by itself, so many radians of joint 1 in so many seconds",
          {"rad": 0.003, "in_s": 0.5},
          harm="off-target", left={"emission-while-moving": 25},
          guard="arm at rest and on its station, or no permit (arm-moving, arm-off-station); the aim of each"
          " credit is checked from the measured pose", cause="arm-moving"),
    Fault("arm_driven", "arm", "another node drives the arm while the laser has the token",
          {"rad": 0.05, "in_s": 0.5},
          harm="off-target", left={"emission-while-moving": 20},
          guard="as for an arm that creeps", cause="arm-moving"),
    Fault("joints_lost", "arm", "joint states are published no more", {},
          harm="off-target", left={"emission-while-moving": 40}, together=("arm_creeps",),
          guard="age of joint states (arm-stale, arm-lost)", cause="arm-lost"),
    Fault("joints_frozen", "arm", "the last joint state is repeated while the arm creeps",
          {"rad": 0.01, "in_s": 0.5},
          harm="off-target", outcome="failed", cause="not at the goal",
          would_guard="joint states equal to the bit do not count; a second encoder; the head on camera"),
    Fault("encoder_offset", "arm", "the encoder of joint 1 reads too much", {"rad": 0.005},
          harm="off-target", outcome="failed", cause="not at the goal",
          guard=_AT_GOAL + "; no emission but within 0.3 mm of the station"),
    Fault("arm_protective_stop", "arm", "the arm brakes where it is, as its controller may at any time", {},
          guard=_AT_GOAL + ", and no emission but at a station", outcome="failed", cause="not at the goal"),
)  # fmt: skip
