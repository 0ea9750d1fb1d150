from .harms import (
    LIMITS as LIMITS,
    Circumstances as Circumstances,
    Harm as Harm,
    Stop as Stop,
    harm as harm,
)
from .shots import ShotHits as ShotHits, evaluate_shots as evaluate_shots
from .skin import TrueSkin as TrueSkin
from .tissue_truth import ShotRecords as ShotRecords, Shots as Shots, TissueTruth as TissueTruth
