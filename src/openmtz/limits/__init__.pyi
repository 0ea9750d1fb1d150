from .absolute import (
    HOST_ENVELOPE_VERSION as HOST_ENVELOPE_VERSION,
    LIMITS as LIMITS,
    Limit as Limit,
)
from .beams import Beams as Beams, beams_of as beams_of
from .check import check_plan as check_plan
from .session import EarlierPass as EarlierPass, check_session as check_session
from .sites import (
    NECK as NECK,
    SITE_RULES as SITE_RULES,
    SiteRule as SiteRule,
    rule_of as rule_of,
    rules_of_header as rules_of_header,
    strictest as strictest,
)
