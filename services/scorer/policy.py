"""The routing policy: which complexity needs which tier, and what to do when it cannot be had."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.catalog import Catalogue, UnknownModel
from services.catalog.models import Tier
from services.runtime import ConfigError, Env
from services.scorer.need import LEVELS, Level, Need, RiskWords, needed_level, read_risk
from services.scorer.score import Score
from services.scorer.tuning import Tuning

DEFAULT_FILE = Path(__file__).with_name("policy.toml")

TIERS: tuple[Tier, ...] = ("small", "medium", "large", "cloud")
_UNAVAILABLE = ("refuse", "local")


@dataclass(frozen=True)
class Thresholds:
    """The complexities from which a prompt is too hard for a small, medium and large local model."""

    small: float = 0.3
    medium: float = 0.6
    large: float = 0.6

    def tier(self, complexity: float) -> Tier:
        """The least tier that is good enough for `complexity`."""
        limits = (self.small, self.medium, self.large)
        return next((tier for tier, limit in zip(TIERS, limits, strict=False) if complexity < limit), "cloud")

    def limit(self, tier: Tier) -> float:
        """The complexity up to which `tier` is meant to answer."""
        return 1.0 if tier == "cloud" else float(getattr(self, tier))


@dataclass(frozen=True)
class Policy:
    """The rules in force. `sources` says for each value where it came from; `tuning` corrects complexities."""

    thresholds: Thresholds
    cloud_model: str
    cloud_unavailable: str
    use_local_for_simple: bool
    max_prompt_characters: int
    cheap_cloud_model: str
    cheap_cloud_below: float
    unsure: str
    risk: RiskWords
    sources: Mapping[str, str]
    tuning: Tuning | None = None
    local_queue_full: str = "refuse"

    def need(self, score: Score, prompt: str, overrides: Mapping[str, float]) -> Need:
        """What `prompt` needs at least; `overrides` replace thresholds for one request."""
        if not self.use_local_for_simple:
            return Need("cloud", "cloud")
        tier = replace(self.thresholds, **overrides).tier(score.complexity)
        cheap = tier == "cloud" and self.cheap_cloud_model and score.complexity < self.cheap_cloud_below
        unsure: Level | None = next((level for level in LEVELS if level == self.unsure), None)
        return needed_level(score, prompt, "cheap_cloud" if cheap else tier, unsure, self.risk)

    def as_document(self) -> dict[str, Any]:
        """Every value beside its source."""
        values: dict[str, Any] = {f"thresholds.{tier}": self.thresholds.limit(tier) for tier in TIERS[:3]}
        values |= {name: getattr(self, name) for name in _SCALARS}
        return {name: {"value": value, "source": self.sources[name]} for name, value in values.items()}


@dataclass(frozen=True)
class PolicyOverrides:
    """What the environment says about the policy; None where it says nothing."""

    small: float | None = None
    medium: float | None = None
    large: float | None = None
    use_local_for_simple: bool | None = None
    cloud_model: str | None = None
    cloud_unavailable: str | None = None

    @classmethod
    def from_env(cls, env: Env) -> PolicyOverrides:
        """Read the variables that go before the policy file; ConfigError names a wrong one."""

        def threshold(name: str) -> float | None:
            return env.real(name, 0.0, low=0.0, high=1.0) if env.optional(name) else None

        switch, unavailable = env.optional("USE_LOCAL_FOR_SIMPLE"), env.optional("CLOUD_UNAVAILABLE")
        return cls(
            small=threshold("COMPLEXITY_THRESHOLD_TINY"),
            medium=threshold("COMPLEXITY_THRESHOLD_PHI"),
            large=threshold("COMPLEXITY_THRESHOLD"),
            use_local_for_simple=env.flag("USE_LOCAL_FOR_SIMPLE", default=True) if switch else None,
            cloud_model=env.optional("CLAUDE_MODEL"),
            cloud_unavailable=env.choice("CLOUD_UNAVAILABLE", _UNAVAILABLE, "refuse") if unavailable else None,
        )


def _is_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 10**7


_ENV_NAMES = {
    "use_local_for_simple": "USE_LOCAL_FOR_SIMPLE",
    "cloud_model": "CLAUDE_MODEL",
    "cloud_unavailable": "CLOUD_UNAVAILABLE",
}
# Of each value outside [thresholds]: the default, what it must be, and how to tell.
_SCALARS: dict[str, tuple[Any, str, Callable[[Any], bool]]] = {
    "cloud_model": ("claude-sonnet", "a model's name", lambda value: isinstance(value, str) and value != ""),
    "cloud_unavailable": ("refuse", "'refuse' or 'local'", lambda value: value in _UNAVAILABLE),
    "cheap_cloud_model": ("", "a model's name, or '' for none", lambda value: isinstance(value, str)),
    "cheap_cloud_below": (0.0, "a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1),
    "unsure": ("cheap_cloud", f"'ignore' or one of {', '.join(LEVELS)}", ("ignore", *LEVELS).__contains__),
    "local_queue_full": ("refuse", "'refuse' or 'cloud'", ("refuse", "cloud").__contains__),
    "use_local_for_simple": (True, "true or false", lambda value: isinstance(value, bool)),
    "max_prompt_characters": (100_000, "a whole number from 1 to 10000000", _is_count),
}


def read_policy(path: Path, overrides: PolicyOverrides, catalogue: Catalogue, tuning: Tuning | None = None) -> Policy:
    """The policy of a file, with the thresholds of the tuning over it, and the environment over both.

    Raises ConfigError that names the environment variable, or POLICY_FILE with the file, the key
    and the problem.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        values, sources = _file_values(document, path.name)
    except (OSError, ValueError) as error:
        raise ConfigError("POLICY_FILE", f"{path}: {error}") from None
    for name, variable in _ENV_NAMES.items():
        if getattr(overrides, name) is not None:
            values[name], sources[name] = getattr(overrides, name), f"environment {variable}"
    base = Thresholds(**{**values.pop("thresholds"), **_tuned_thresholds(tuning, sources)})
    thresholds = _override_thresholds(base, overrides, sources)
    policy = Policy(thresholds, sources=sources, tuning=tuning, **values)
    _check(policy, path, catalogue)
    return policy


def _file_values(document: dict[str, Any], file: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of a policy document and their sources; ValueError names a key that is wrong."""
    thresholds = document.pop("thresholds", {})
    risk = read_risk(document.pop("risk", {}))
    if not isinstance(thresholds, dict):
        raise ValueError("thresholds must be a table")
    unknown = [*(set(document) - set(_SCALARS)), *(f"thresholds.{key}" for key in set(thresholds) - set(TIERS[:3]))]
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")
    values: dict[str, Any] = {}
    for name, (default, wanted, fits) in _SCALARS.items():
        values[name] = document.get(name, default)
        if not fits(values[name]):
            raise ValueError(f"{name} must be {wanted}, not {values[name]!r}")
    for tier, value in thresholds.items():
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ValueError(f"thresholds.{tier} must be a number from 0 to 1, not {value!r}")
    values["thresholds"], values["risk"] = thresholds, risk
    named = {*document, *(f"thresholds.{tier}" for tier in thresholds)}
    names = [*_SCALARS, *(f"thresholds.{tier}" for tier in TIERS[:3])]
    return values, {name: f"file {file}" if name in named else "default" for name in names}


def _tuned_thresholds(tuning: Tuning | None, sources: dict[str, str]) -> Mapping[str, float]:
    if tuning is None:
        return {}
    source = f"tuning file of {tuning.made_at:%Y-%m-%d}"
    sources.update({f"thresholds.{tier}": source for tier in tuning.thresholds})
    return tuning.thresholds


def _override_thresholds(base: Thresholds, overrides: PolicyOverrides, sources: dict[str, str]) -> Thresholds:
    limits = {"small": base.small, "medium": base.medium, "large": base.large}

    def put(tier: str, value: float, variable: str) -> None:
        limits[tier] = value
        sources[f"thresholds.{tier}"] = f"environment {variable}"

    if overrides.small is not None:
        put("small", overrides.small, "COMPLEXITY_THRESHOLD_TINY")
    if overrides.medium is not None:
        put("medium", overrides.medium, "COMPLEXITY_THRESHOLD_PHI")
        if limits["large"] < overrides.medium:
            put("large", overrides.medium, "COMPLEXITY_THRESHOLD_PHI")
    if overrides.large is not None:
        for tier in ("small", "medium"):
            if limits[tier] > overrides.large:
                put(tier, overrides.large, "COMPLEXITY_THRESHOLD")
        put("large", overrides.large, "COMPLEXITY_THRESHOLD")
    return Thresholds(**limits)


def _check(policy: Policy, path: Path, catalogue: Catalogue) -> None:
    """ConfigError, named after where the value came from, when the values do not fit together."""

    def blame(*names: str) -> tuple[str, str]:
        sources = [policy.sources[name] for name in names]
        variable = next((s.removeprefix("environment ") for s in sources if s.startswith("environment ")), None)
        return (variable, "") if variable else ("POLICY_FILE", f"{path}: ")

    limits = policy.thresholds
    for low, high in (("small", "medium"), ("medium", "large")):
        if getattr(limits, low) > getattr(limits, high):
            name, where = blame(f"thresholds.{low}", f"thresholds.{high}")
            values = f"the {low} threshold {getattr(limits, low)} is above the {high} one {getattr(limits, high)}"
            raise ConfigError(name, f"{where}{values}")
    for key in ("cloud_model", "cheap_cloud_model"):
        wanted = getattr(policy, key)
        if wanted:
            name, where = blame(key)
            _check_cloud_model(wanted, name, where, catalogue)


def _check_cloud_model(wanted: str, name: str, where: str, catalogue: Catalogue) -> None:
    try:
        model = catalogue.find(wanted)
    except UnknownModel as error:
        raise ConfigError(name, f"{where}{error.message}") from None
    if model.tier != "cloud":
        raise ConfigError(name, f"{where}{wanted!r} is a local model, not a cloud model")
