"""Find plugins, call their hooks one plugin at a time, and never let one fail silently."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import pluggy
from numpy.typing import NDArray

from openmtz import __version__
from openmtz.geometry import SkinSurface
from openmtz.hooks import builtin, spec
from openmtz.hooks.errors import PluginError, PluginFailure, Refused, UnknownIndication
from openmtz.hooks.phantoms import check_phantom, check_skin, find_phantom
from openmtz.hooks.types import Assessment, Indication, PatientFacts, Phantom, PhantomSkin, Prescription
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity, TreatmentPlan

ENTRY_POINT_GROUP = "openmtz"
_CAUGHT = (Exception, SystemExit)


class PluginManager:
    """Plugins by name. A failing one is unregistered and stands in `failures` for good.

    Attributes:
        failures: `PluginFailure` of every plugin disabled so far, in order.
    """

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(spec.PROJECT)
        self._pluggy.add_hookspecs(spec)
        self._versions: dict[str, str] = {}
        self._indications: dict[str, tuple[str, Indication]] = {}
        self._profiles: dict[str, tuple[str, HandpieceProfile]] = {}
        self._phantoms: dict[str, tuple[str, Phantom]] = {}
        self._lost: dict[str, PluginFailure] = {}
        self.failures: list[PluginFailure] = []
        self.register("openmtz", builtin, __version__)

    def register(self, name: str, plugin: Any, version: str = "0") -> bool:
        """Add a plugin; False if it failed (see `failures`).

        It fails on hooks that do not exist, an `indications`, `handpiece_profiles` or `phantoms` that
        raises or returns the wrong things, and on names another plugin already has.
        """
        if self._pluggy.has_plugin(name):
            self._fail(name, "register", ValueError("another plugin of the same name is installed"))
            return False
        try:
            unknown = [
                key
                for key, member in inspect.getmembers(plugin)
                if getattr(member, f"{spec.PROJECT}_impl", None) is not None and key not in spec.HOOK_NAMES
            ]
            if unknown:
                raise ValueError(
                    f"no such hook: {', '.join(unknown)}; hooks are {', '.join(spec.HOOK_NAMES)}"
                )
            self._pluggy.register(plugin, name)
            self._pluggy.check_pending()
        except _CAUGHT as error:
            self._fail(name, "register", error)
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            return False
        self._versions[name] = version
        try:
            stage = "indications"
            offered = _all_of(self._call(name, stage) or [], Indication, stage)
            for item in offered:
                if item.name in self._indications:
                    raise ValueError(
                        f"{item.name!r} is already provided by {self._indications[item.name][0]!r}"
                    )
            stage = "handpiece_profiles"
            profiles = _all_of(self._call(name, stage) or [], HandpieceProfile, stage)
            for profile in profiles:
                if profile.name in self._profiles:
                    owner = self._profiles[profile.name][0]
                    raise ValueError(
                        f"a handpiece profile named {profile.name!r} already comes from {owner!r}"
                    )
            stage = "phantoms"
            phantoms = _all_of(self._call(name, stage) or [], Phantom, stage)
            for phantom in phantoms:
                check_phantom(phantom)
                if phantom.name in self._phantoms:
                    owner = self._phantoms[phantom.name][0]
                    raise ValueError(f"a phantom named {phantom.name!r} already comes from {owner!r}")
        except _CAUGHT as error:
            self._fail(name, stage, error)
            return False
        self._indications.update({i.name: (name, i) for i in offered})
        self._profiles.update({p.name: (name, p) for p in profiles})
        self._phantoms.update({p.name: (name, p) for p in phantoms})
        return True

    @property
    def indications(self) -> dict[str, Indication]:
        """Indications that can be planned, by name."""
        return {key: pair[1] for key, pair in sorted(self._indications.items())}

    @property
    def profiles(self) -> dict[str, HandpieceProfile]:
        """Handpiece profiles of the working plugins, by name."""
        return {key: pair[1] for key, pair in self._profiles.items()}

    @property
    def phantoms(self) -> dict[str, Phantom]:
        """Synthetic patients for the simulation, by name."""
        return {key: pair[1] for key, pair in sorted(self._phantoms.items())}

    def build_phantom(self, name: str, lesions: str, seed: int, region_radius_m: float) -> PhantomSkin:
        """Build a phantom and check what comes out.

        Raises:
            UnknownPhantom: lists the valid names, or the lesions this one offers.
            PluginError: its plugin raised or built something unusable, and was disabled.
        """
        notes = [str(failure) for failure in self.failures]
        phantom = find_phantom(self.phantoms, name, lesions, notes)
        try:
            return check_skin(name, phantom.build(lesions, int(seed), float(region_radius_m)))
        except _CAUGHT as error:
            raise PluginError(str(self._fail(self._phantoms[name][0], "phantoms", error))) from error

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the working plugins, by name; goes into a plan's header."""
        return dict(sorted(self._versions.items()))

    def provider(self, indication: str) -> str:
        """Return the name of the plugin that provides an indication.

        Raises:
            UnknownIndication: lists the valid ones and the plugins that failed.
            PluginError: its plugin was disabled by an error.
        """
        if indication in self._lost:
            raise PluginError(f"indication {indication!r} is not available: {self._lost[indication]}")
        if indication in self._indications:
            return self._indications[indication][0]
        valid = ", ".join(self.indications) or "none: no indication plugin is installed"
        text = f"unknown indication {indication!r}; available: {valid}"
        if self.failures:
            text += ". " + "; ".join(str(f) for f in self.failures)
        raise UnknownIndication(text)

    def assess(
        self, surface: SkinSurface, area: NDArray[np.bool_], indication: str, facts: PatientFacts
    ) -> Assessment:
        """Call `assess` of the indication's plugin and check what it returns (else `PluginError`)."""
        arguments = {"surface": surface, "area": area, "indication": indication, "facts": facts}
        count = len(surface.mesh.vertices)

        def check(result: Any) -> None:
            _need(isinstance(result, Assessment), f"returned {type(result).__name__}, not an Assessment")
            _check_field("severity", result.severity, count, 0.0, 1.0)
            _check_field("deficit_depth_m", result.deficit_depth_m, count, 0.0, 0.1)

        result: Assessment = self._owned(indication, "assess", arguments, check)
        return result

    def prescribe(
        self,
        surface: SkinSurface,
        region: NDArray[np.bool_],
        indication: str,
        facts: PatientFacts,
        assessment: Assessment,
    ) -> Prescription:
        """Call `prescribe` of the indication's plugin and check it (else `PluginError`); `Refused` passes."""
        arguments = {
            "surface": surface, "region": region, "indication": indication, "facts": facts,
            "assessment": assessment, "profiles": self.profiles,
        }  # fmt: skip
        count = len(surface.mesh.vertices)

        def check(result: Any) -> None:
            _need(isinstance(result, Prescription), f"returned {type(result).__name__}, not a Prescription")
            _check_field("density_per_cm2", result.density_per_cm2, count, 0.0, np.inf)
            _check_field("energy_mj", result.energy_mj, count, 0.0, np.inf)
            _need(result.profile in self._profiles, f"names no handpiece profile: {result.profile!r}")
            _need(isinstance(result.passes, int) and 1 <= result.passes <= 8, f"passes = {result.passes!r}")

        result: Prescription = self._owned(indication, "prescribe", arguments, check)
        return result

    def check_plan(self, plan: TreatmentPlan, facts: PatientFacts) -> list[Finding]:
        """Call `check_plan` of every plugin. One that raises is disabled and reported as a finding:
        a REFUSAL if it provides the plan's indication, else a WARNING that its check is missing."""
        found: list[Finding] = []
        owner = self._indications.get(str(plan.header.get("indication")), ("", None))[0]
        for name in sorted(self._versions):
            try:
                found += _all_of(
                    self._call(name, "check_plan", plan=plan, facts=facts) or [], Finding, "check_plan"
                )
            except _CAUGHT as error:
                failure = self._fail(name, "check_plan", error)
                severity = Severity.REFUSAL if name == owner else Severity.WARNING
                found.append(
                    Finding(severity, name, "plugin-failed", str(failure), "repair or remove the plugin")
                )
        return found

    def _owned(self, indication: str, hook: str, arguments: dict[str, Any], check: Any) -> Any:
        name = self.provider(indication)
        try:
            result = self._call(name, hook, **arguments)
            check(result)
            return result
        except Refused:
            raise
        except _CAUGHT as error:
            raise PluginError(str(self._fail(name, hook, error))) from error

    def _call(self, name: str, hook: str, **arguments: Any) -> Any:
        """Return what one plugin's implementation returns, None if it has none."""
        caller = getattr(self._pluggy.hook, hook)
        for implementation in caller.get_hookimpls():
            if implementation.plugin_name == name:
                return implementation.function(*(arguments[key] for key in implementation.argnames))
        return None

    def _fail(self, name: str, stage: str, error: BaseException) -> PluginFailure:
        failure = PluginFailure(name, stage, f"{type(error).__name__}: {error}")
        self.failures.append(failure)
        if stage != "register":
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            self._versions.pop(name, None)
            for key in [k for k, (owner, _) in self._indications.items() if owner == name]:
                self._lost[key] = failure
                del self._indications[key]
            for offered in (self._profiles, self._phantoms):
                for key in [k for k, (owner, _) in offered.items() if owner == name]:
                    del offered[key]
        return failure


def load_plugins(
    group: str = ENTRY_POINT_GROUP,
    entry_points: Iterable[metadata.EntryPoint] | None = None,
    before: Mapping[str, Any] | None = None,
) -> PluginManager:
    """Load every installed plugin, in the order of their names; failures stand in `.failures`.

    `before`: plugins by name that are registered ahead of the installed ones, with OpenMTZ's version.
    """
    manager = PluginManager()
    for name, plugin in (before or {}).items():
        manager.register(name, plugin, __version__)
    found = metadata.entry_points(group=group) if entry_points is None else entry_points
    seen: set[tuple[str, str]] = set()
    for point in sorted(found, key=lambda p: (p.name, p.value)):
        if (point.name, point.value) in seen:
            continue  # the same distribution twice on the path
        seen.add((point.name, point.value))
        try:
            plugin = point.load()
        except _CAUGHT as error:
            manager._fail(point.name, "import", error)
            continue
        manager.register(point.name, plugin, point.dist.version if point.dist else "0")
    return manager


def _all_of(values: Any, kind: type, hook: str) -> list[Any]:
    _need(isinstance(values, (list, tuple)), f"{hook} must return a list, got {type(values).__name__}")
    wrong = [v for v in values if not isinstance(v, kind)]
    _need(not wrong, f"{hook} must return {kind.__name__} objects, got {wrong[:1]!r}")
    return list(values)


def _check_field(name: str, values: Any, count: int, low: float, high: float) -> None:
    array = np.asarray(values, np.float64)
    _need(array.shape == (count,), f"{name} must have shape ({count},), got {array.shape}")
    _need(
        bool(np.isfinite(array).all()),
        f"{name} is NaN or infinite at {int((~np.isfinite(array)).sum())} vertices",
    )
    _need(
        bool(array.min() >= low and array.max() <= high),
        f"{name} must lie within {low:g} to {high:g}, got {array.min():g} to {array.max():g}",
    )


def _need(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)
