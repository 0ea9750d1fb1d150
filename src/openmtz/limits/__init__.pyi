from .absolute import (
    HOST_ENVELOPE_VERSION as HOST_ENVELOPE_VERSION,
    LIMITS as LIMITS,
    Limit as Limit,
)
from .beams import Beams as Beams, beams_of as beams_of
from .check import check_plan as check_plan
from .delivered import (
    DEFOCUS_SHARE as DEFOCUS_SHARE,
    STEEP_SHARE as STEEP_SHARE,
    MetSkin as MetSkin,
    delivered_focus as delivered_focus,
    delivered_tilt as delivered_tilt,
)
from .left_out import (
    LESIONS_LEFT_OUT as LESIONS_LEFT_OUT,
    REGION_LEFT_OUT as REGION_LEFT_OUT,
    needs_word as needs_word,
)
from .session import EarlierPass as EarlierPass, check_session as check_session
from .sites import (
    NECK as NECK,
    SITE_RULES as SITE_RULES,
    SiteRule as SiteRule,
    rule_of as rule_of,
    rules_of_header as rules_of_header,
    strictest as strictest,
)
