import pytest

from compose.local.ollama_server.errors import BadRequestError
from compose.local.ollama_server.template import fill_template

FULL = "{{- if .System }}<s>{{ .System }}</s>\n{{- else }}<none/>{{ end }}<u>{{ .Prompt }}</u><a>{{ .Response }}</a>"


def test_system_and_prompt_are_filled_in_and_the_answer_is_left_to_the_model() -> None:
    assert fill_template(FULL, "Be kind.", "Hi") == "<s>Be kind.</s><u>Hi</u><a>"


def test_a_missing_system_takes_the_else_branch() -> None:
    assert fill_template(FULL, "", "Hi") == "<none/><u>Hi</u><a>"


def test_dashes_trim_the_white_space_beside_them() -> None:
    assert fill_template("a  {{- .Prompt -}}  b", "", "x") == "axb"
    assert fill_template("a {{ .Prompt }} b", "", "x") == "a x b"


def test_braces_in_a_prompt_are_text() -> None:
    assert fill_template("{{ .Prompt }}", "", "{{ .System }} {{ range }}") == "{{ .System }} {{ range }}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ range .Messages }}x{{ end }}",
        "{{ .Messages }}",
        "{{ Prompt }}",
        "{{ }}",
        "{{ if .System }}no end",
        "{{ if .System }}{{ if .Prompt }}x{{ end }}{{ end }}",
    ],
)
def test_what_is_not_understood_is_refused(template: str) -> None:
    with pytest.raises(BadRequestError, match="is not understood here"):
        fill_template(template, "s", "p")
