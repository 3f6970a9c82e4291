import pytest

from compose.local.ollama_server.errors import BadRequestError
from compose.local.ollama_server.options import answer_schema, sampling


def test_without_options_the_defaults_are_those_of_ollama() -> None:
    fields = sampling(None)
    assert (fields["temperature"], fields["top_k"], fields["top_p"]) == (0.8, 40, 0.9)
    assert (fields["min_p"], fields["repeat_penalty"], fields["repeat_last_n"]) == (0.0, 1.1, 64)
    assert "seed" not in fields
    assert "n_predict" not in fields


def test_options_reach_the_engine_under_its_names() -> None:
    fields = sampling({"num_predict": 5, "temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 42, "stop": ["END", ""]})
    assert fields["n_predict"] == 5
    assert (fields["temperature"], fields["top_p"], fields["top_k"], fields["seed"]) == (0.0, 0.5, 3, 42)
    assert fields["stop"] == ["END"]


@pytest.mark.parametrize("number", [0, -1, -2])
def test_num_predict_without_a_limit_is_minus_one(number: int) -> None:
    assert sampling({"num_predict": number})["n_predict"] == -1


def test_a_negative_repeat_window_covers_the_whole_context() -> None:
    assert sampling({"repeat_last_n": -1})["repeat_last_n"] == 2**31 - 1


def test_an_integer_written_as_a_float_is_taken() -> None:
    assert sampling({"top_k": 5.0})["top_k"] == 5


def test_num_ctx_unknown_options_and_nulls_change_nothing() -> None:
    assert sampling({"num_ctx": 2048, "mirostat": 2, "temperature": None}) == sampling({})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("x", "options must be an object"),
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"temperature": True}, 'option "temperature" must be of type float32'),
        ({"top_k": "5"}, 'option "top_k" must be of type integer'),
        ({"num_ctx": []}, 'option "num_ctx" must be of type integer'),
        ({"num_predict": 1e30}, 'option "num_predict" must be of type integer'),
        ({"stop": "END"}, 'option "stop" must be of type array of strings'),
        ({"stop": [1]}, 'option "stop" must be of type array of strings'),
    ],
)
def test_an_option_of_the_wrong_type_is_named(options: object, message: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        sampling(options)
    assert str(caught.value) == message


@pytest.mark.parametrize("wanted", [None, ""])
def test_no_format_means_free_text(wanted: object) -> None:
    assert answer_schema(wanted) is None


def test_format_json_asks_for_an_object_and_a_schema_for_itself() -> None:
    assert answer_schema("json") == {"type": "object"}
    assert answer_schema({"type": "array"}) == {"type": "array"}


@pytest.mark.parametrize("wanted", ["xml", 5, ["json"], True])
def test_another_format_is_refused_in_the_words_of_ollama(wanted: object) -> None:
    with pytest.raises(BadRequestError, match=r'expected "json" or a valid JSON Schema object'):
        answer_schema(wanted)
