from .catalogue import FAULTS as FAULTS
from .fault import Fault as Fault, FaultParameterError as FaultParameterError
