"""Fills the `template` of /api/generate: the part of Go's template language that prompts use.

Understood: `{{ .System }}`, `{{ .Prompt }}`, `{{ .Response }}`, `{{ if .System }}...{{ else }}...{{ end }}`
(not nested) and the trimming dashes. Everything else is refused, so no prompt is built wrongly in silence.
"""

import re

from .errors import BadRequestError

BODY = r"((?:(?!\{\{\s*(?:if|else|end)\b).)*)"
CONDITION = re.compile(
    r"\{\{\s*if\s+\.(System|Prompt|Response)\s*\}\}" + BODY + r"(?:\{\{\s*else\s*\}\}" + BODY + r")?\{\{\s*end\s*\}\}",
    re.DOTALL,
)
RESPONSE = re.compile(r"\{\{\s*\.Response\s*\}\}")
ACTION = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)


def fill_template(template: str, system: str, prompt: str) -> str:
    """The prompt for the model; what follows `{{ .Response }}` is left out, since the model writes that.

    Raises BadRequestError on anything that is not understood.
    """
    given = {"System": system, "Prompt": prompt, "Response": ""}
    trimmed = re.sub(r"-\}\}\s*", "}}", re.sub(r"\s*\{\{-", "{{", template))
    chosen = CONDITION.sub(lambda match: (match[2] if given[match[1]] else match[3]) or "", trimmed)
    return ACTION.sub(lambda match: _value(match[1], given), RESPONSE.split(chosen)[0])


def _value(code: str, given: dict[str, str]) -> str:
    if code[:1] != "." or code[1:] not in given:
        raise BadRequestError(
            f"template: {{{{ {code} }}}} is not understood here; use .System, .Prompt, .Response and if"
        )
    return given[code[1:]]
