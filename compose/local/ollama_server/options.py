"""Ollama's `options` and `format` in the words of llama.cpp's /completion; pure translation."""

from collections.abc import Mapping

from .errors import BadRequestError

INT32 = 2**31 - 1
# Ollama's defaults (api/types.go, DefaultOptions) where llama.cpp's own differ or may come to differ.
DEFAULTS: dict[str, object] = {
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.9,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_last_n": 64,
    "repeat_penalty": 1.1,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
FLOATS = frozenset(name for name, value in DEFAULTS.items() if isinstance(value, float))
# num_ctx and num_keep are checked and then not used: the context is set when the server starts.
INTEGERS = frozenset({"top_k", "repeat_last_n", "seed", "num_predict", "num_ctx", "num_keep"})


def sampling(options: object) -> dict[str, object]:
    """The /completion fields for Ollama's `options`; unknown options are ignored, as Ollama does.

    Raises BadRequestError naming an option of the wrong type.
    """
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        raise BadRequestError("options must be an object")
    fields = dict(DEFAULTS)
    for name, value in options.items():
        if value is not None:
            fields.update(_field(name, value))
    return fields


def _field(name: str, value: object) -> dict[str, object]:
    if name == "stop":
        return {"stop": _stop_words(value)}
    if name in FLOATS:
        return {name: _number(name, value)}
    if name not in INTEGERS:
        return {}
    number = _integer(name, value)
    if name == "num_predict":  # 0 and below: until the model ends or the context is full
        return {"n_predict": number if number > 0 else -1}
    if name == "repeat_last_n":  # -1: the whole context; its length bounds it
        return {name: number if number >= 0 else INT32}
    return {name: number} if name in ("top_k", "seed") else {}


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequestError(f'option "{name}" must be of type float32')
    return float(value)


def _integer(name: str, value: object) -> int:
    # JSON from JavaScript may write 5 as 5.0; Ollama takes it too.
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > INT32:
        raise BadRequestError(f'option "{name}" must be of type integer')
    return int(value)


def _stop_words(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadRequestError('option "stop" must be of type array of strings')
    return [word for word in value if word]


def answer_schema(wanted: object) -> dict[str, object] | None:
    """The JSON schema that `format` asks for, or None for free text; "json" asks for any object."""
    if wanted is None or wanted == "":
        return None
    if wanted == "json":
        return {"type": "object"}
    if isinstance(wanted, dict):
        return wanted
    raise BadRequestError(f'invalid format: {wanted!r}; expected "json" or a valid JSON Schema object')
