"""Which sources still speak, and whether the work loops of the required nodes advance."""

from __future__ import annotations

import math
from collections.abc import Mapping

from openmtz.safety.ages import age_s, age_text
from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import Inputs, ProgressSample


class ProgressWatch:
    """A counter counts as alive only while it increases; a message with the same counter does not help."""

    def __init__(self, config: SafetyConfig) -> None:
        self._config = config
        self._counter: dict[str, int] = {}
        self._changed_at: dict[str, float] = {}

    def update(self, progress: Mapping[str, ProgressSample], now: float) -> dict[str, str]:
        """Return the active conditions with a detail each."""
        active: dict[str, str] = {}
        cfg = self._config
        required = [(name, "progress-stopped") for name in cfg.progress_required]
        if cfg.recorder:
            required.append((cfg.recorder, "recorder-stopped"))
        for name, lost_code in required:
            sample = progress.get(name)
            if sample is None:
                active[lost_code] = _add(active.get(lost_code), f"{name} has not reported yet")
                continue
            known = self._counter.get(name)
            if known is not None and sample.counter < known:
                active["progress-restarted"] = _add(active.get("progress-restarted"), name)
            if known != sample.counter:
                self._counter[name] = sample.counter
                self._changed_at[name] = sample.received_at
            age = age_s(self._changed_at[name], now)
            period = sample.period_s
            if not (math.isfinite(period) and period > 0):
                age, period = math.inf, cfg.progress_period_max_s
            promised = cfg.progress_factor * min(period, cfg.progress_period_max_s)
            if age > max(cfg.progress_lost_s, 2 * promised):
                active[lost_code] = _add(active.get(lost_code), f"{name}: {age_text(age)}")
            elif age > max(cfg.progress_late_s, promised):
                active["progress-late"] = _add(active.get("progress-late"), f"{name}: {age_text(age)}")
        return active


def source_conditions(inputs: Inputs, config: SafetyConfig, now: float) -> dict[str, str]:
    """Return the stale and lost conditions of interlocks, head and arm."""
    active: dict[str, str] = {}
    for name, source in (("interlocks", inputs.interlocks), ("head", inputs.head), ("arm", inputs.arm)):
        age = age_s(None if source is None else source.received_at, now)
        if age > getattr(config, f"{name}_lost_s"):
            active[f"{name}-lost"] = age_text(age)
        elif age > getattr(config, f"{name}_stale_s"):
            active[f"{name}-stale"] = age_text(age)
    return active


def _add(before: str | None, text: str) -> str:
    return text if before is None else f"{before}; {text}"
