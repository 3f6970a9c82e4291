"""The request that is to be routed, read from JSON once: what is asked, what it needs, how long it is.

Checked by hand: JSON Schema takes 0.3 ms for such a body, which every chat would pay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from services.runtime.errors import BadRequest
from services.scorer.conversation import Conversation, read_conversation

T = TypeVar("T")

ABILITIES = ("tools", "images", "json")
# What does not change the answer. Any other field does, known here or not (tools, temperature,
# stop, response_format ...), and so is part of the cache key. So is allowed_models: a key that may
# use few models must get no answer of another one, and must not keep a weak answer for the others.
_ABOUT_ROUTING = frozenset(
    {"request_id", "key_id", "dialect", "stream", "privacy", "cache", "thresholds", "model", "needs", "cloud_only"}
)
_ABOUT_CONVERSATION = frozenset({"messages", "prompt", "system"})


@dataclass(frozen=True)
class RouteRequest:
    """A request as the policy sees it.

    `prompt` is the last thing the user said, `input_tokens` the estimate for everything that is sent
    to a model. `model` is "auto" or what the caller pinned. `generation` is what the answer depends
    on, apart from the model, as JSON in one normal form; None when the answer must not be cached.
    `cloud_only` is what it asks for, in words, that no local model can do.
    `allowed_models` are the names of the only models that may answer; None for all.
    """

    prompt: str
    input_tokens: int
    model: str = "auto"
    max_tokens: int | None = None
    needs: frozenset[str] = frozenset()
    cloud_only: tuple[str, ...] = ()
    local_only: bool = False
    use_cached: bool = True
    thresholds: Mapping[str, float] = field(default_factory=dict)
    generation: str | None = None
    request_id: str | None = None
    allowed_models: frozenset[str] | None = None

    def cache_key(self, model: str) -> str | None:
        """The SHA-256 (hex) of the request to `model`; None when its answer must not be cached."""
        if self.generation is None:
            return None
        return hashlib.sha256(f"{model}\n{self.generation}".encode()).hexdigest()


def read_request(body: dict[str, Any]) -> RouteRequest:
    """The request of a JSON object; BadRequest names the field that is wrong."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in ("request_id", "key_id", "dialect"):
        _field(given, name, "", _is_text, "a string")
    _field(given, "stream", False, _is_flag, "true or false")
    try:
        return _read(given, read_conversation(given))
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None


def _read(given: dict[str, Any], said: Conversation) -> RouteRequest:
    max_tokens = _field(given, "max_tokens", None, _is_token_count, "a whole number from 1 to 10000000")
    privacy = _field(given, "privacy", "any", ("any", "local-only").__contains__, "'any' or 'local-only'")
    cache = _field(given, "cache", "use", ("use", "refresh", "off").__contains__, "'use', 'refresh' or 'off'")
    needs = _needs(given, said)
    local_only = privacy == "local-only"
    cacheable = cache != "off" and not local_only and _complete(given, needs, said)
    return RouteRequest(
        prompt=said.prompt,
        input_tokens=said.tokens,
        model=_field(given, "model", "auto", lambda v: _is_text(v) and 0 < len(v) <= 200, "a model's name or 'auto'"),
        max_tokens=max_tokens,
        needs=needs,
        cloud_only=tuple(_field(given, "cloud_only", [], _is_text_list, "a list of words")),
        local_only=local_only,
        use_cached=cache == "use",
        thresholds=_thresholds(given),
        generation=_generation(given, needs, said) if cacheable else None,
        request_id=given.get("request_id"),
        allowed_models=_allowed_models(given),
    )


def _needs(given: dict[str, Any], said: Conversation) -> frozenset[str]:
    named: dict[str, Any] = _field(given, "needs", {}, lambda value: isinstance(value, dict), "an object")
    for name, value in named.items():
        if name not in ABILITIES or not isinstance(value, bool):
            raise _wrong(f"needs.{name}"[:100], f"true or false, and one of {', '.join(ABILITIES)}")
    needs = {name for name, wanted in named.items() if wanted}
    if said.images:
        needs.add("images")
    if given.get("tools"):
        needs.add("tools")
    return frozenset(needs)


def _allowed_models(given: dict[str, Any]) -> frozenset[str] | None:
    names: list[str] | None = _field(given, "allowed_models", None, _is_text_list, "a list of models' names")
    return None if names is None else frozenset(names)


def _thresholds(given: dict[str, Any]) -> dict[str, float]:
    thresholds: dict[str, Any] = _field(given, "thresholds", {}, lambda value: isinstance(value, dict), "an object")
    for name, value in thresholds.items():
        if name not in ("small", "medium", "large") or type(value) not in (int, float) or not 0 <= value <= 1:
            raise _wrong(f"thresholds.{name}"[:100], "a number from 0 to 1, and one of small, medium, large")
    return thresholds


def _complete(given: dict[str, Any], needs: frozenset[str], said: Conversation) -> bool:
    """Whether the body carries all that the answer depends on: tools and images may be left out of it."""
    return ("tools" not in needs or "tools" in given) and ("images" not in needs or said.images > 0)


def _generation(given: dict[str, Any], needs: frozenset[str], said: Conversation) -> str:
    rest = {n: v for n, v in given.items() if n not in _ABOUT_ROUTING and n not in _ABOUT_CONVERSATION}
    normal = {"said": said.normal, "needs": sorted(needs), "rest": rest}
    return json.dumps(normal, sort_keys=True, separators=(",", ":"))


def _field(given: dict[str, Any], name: str, default: T, fits: Callable[[Any], bool], wanted: str) -> T:
    if name not in given:
        return default
    value: T = given[name]
    if not fits(value):
        raise _wrong(name, wanted)
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_token_count(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 10**7


def _wrong(field: str, wanted: str) -> BadRequest:
    return BadRequest(f"{field} must be {wanted}.", field=field)
