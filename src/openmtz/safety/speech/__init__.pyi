from .secret import StackSecret as StackSecret
from .speakers import Endpoint as Endpoint, Hearing as Hearing, KnownSpeakers as KnownSpeakers
