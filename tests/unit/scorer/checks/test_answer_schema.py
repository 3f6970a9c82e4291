"""Answers against the caller's JSON Schema: what fits, what does not, and schemas that are made to hurt."""

from __future__ import annotations

import time
from typing import Any

import pytest

from services.runtime.errors import BadRequest
from services.scorer.checks import VerifyRequest, read_verify_request, verify_answer

PERSON = {
    "type": "object",
    "required": ["name", "age"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z][a-z]+$"},
        "age": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
    },
}


def codes(answer: str, schema: Any, prompt: str = "Extract the person.") -> list[str]:
    return [reason.code for reason in verify_answer(VerifyRequest(prompt, answer, schema=schema)).reasons]


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "Ada", "age": 36}',
        ' {"age": 36.0, "name": "Ada", "tags": []}\n',
        '{"name": "Ada", "age": 36, "tags": ["a", "A"]}',
    ],
)
def test_fitting_answer_is_accepted(answer: str) -> None:
    assert codes(answer, PERSON) == []


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ('{"name": "Ada"}', "age"),
        ('{"name": "Ada", "age": "36"}', "age"),
        ('{"name": "Ada", "age": 1.5}', "age"),
        ('{"name": "ada", "age": 36}', "name"),
        ('{"name": "Ada", "age": 36, "job": "x"}', "job"),
        ('{"name": "Ada", "age": 36, "tags": ["a", "a"]}', "tags"),
        ("[]", "object"),
    ],
)
def test_misfit_names_the_part(answer: str, part: str) -> None:
    verdict = verify_answer(VerifyRequest("Extract the person.", answer, schema=PERSON))
    assert [reason.code for reason in verdict.reasons] == ["schema_mismatch"]
    assert part in verdict.reasons[0].text
    assert not verdict.accept


def test_equal_objects_are_not_unique_whatever_the_order_of_their_names() -> None:
    assert codes('[{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]', {"uniqueItems": True}) == ["schema_mismatch"]


def test_a_schema_asks_for_json_and_takes_a_code_block() -> None:
    assert codes("Ada is 36.", PERSON) == ["invalid_json"]
    assert codes('```json\n{"name": "Ada", "age": 36}\n```', PERSON) == ["fenced_json"]


def test_references_inside_the_schema_are_followed() -> None:
    schema = {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}
    assert codes("[1, 2]", schema) == []
    assert codes('[1, "2"]', schema) == ["schema_mismatch"]


DOUBLING = {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}, "$ref": "#/$defs/d0"}
DOUBLING["$defs"]["d40"] = {}  # type: ignore[index]


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "{}"),
        ({"$ref": "file:///etc/hostname"}, "{}"),
        ({"$ref": "#/nowhere"}, "{}"),
        ({"$ref": "#"}, "{}"),
        (DOUBLING, "{}"),
        ({"patternProperties": {"(a+)+$": {}}}, '{"' + "a" * 40 + '!": 1}'),
        ({"multipleOf": 1e-320}, "1e400"),
        ({"items": {"type": "integer"}}, "[" + "1," * 49_999 + "1]"),
    ],
    ids=["http", "file", "dangling", "circle", "doubling", "names", "infinite", "large"],
)
def test_what_cannot_be_decided_quickly_is_only_a_warning(schema: Any, answer: str) -> None:
    begun = time.thread_time()
    assert codes(answer, schema) == ["schema_not_checked"]
    assert time.thread_time() - begun < 0.5


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "a*a*a*a*a*a*b", r"(a+)\1+$"])
def test_a_pattern_that_could_take_ages_is_left_out(pattern: str) -> None:
    begun = time.thread_time()
    assert codes(f'"{"a" * 5_000}!"', {"pattern": pattern}) == []
    assert time.thread_time() - begun < 0.5


@pytest.mark.parametrize("schema", [{"type": 5}, {"pattern": "("}, {"properties": []}, {"required": "name"}])
def test_wrong_schema_is_a_bad_request_that_names_it(schema: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        read_verify_request({"prompt": "x", "answer": "{}", "schema": schema})
    assert caught.value.details == {"field": "schema"}
    assert next(iter(schema)) in caught.value.message


def test_deep_or_huge_schema_is_a_bad_request() -> None:
    deep: Any = {}
    for _ in range(2_000):
        deep = {"not": deep}
    for schema in (deep, {"description": "x" * 50_000}):
        with pytest.raises(BadRequest):
            read_verify_request({"prompt": "x", "answer": "{}", "schema": schema})


def test_request_is_read_with_its_parts() -> None:
    body = {"prompt": "p", "answer": "a", "samples": ["b"], "finish_reason": "stop", "needs": {"json": True}}
    assert read_verify_request(body | {"schema": {}}) == VerifyRequest("p", "a", ("b",), "stop", True, {})
    nothing = {"samples": None, "finish_reason": None, "needs": None, "schema": None, "request_id": None}
    assert read_verify_request({"prompt": "p", "answer": "a"} | nothing) == VerifyRequest("p", "a")
