import json
import threading
from typing import Any

import pytest
from flask.testing import FlaskClient

from compose.local.ollama_server.answering import Answerer
from compose.local.ollama_server.app import create_app
from compose.local.ollama_server.errors import BadRequestError, OllamaError
from compose.local.ollama_server.gate import Gate
from tests.unit.ollama_server.ollama_fakes import USAGE, FakeEngine, make_card

CHAT = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hi"}]}


class Served:
    """The application over a fake engine."""

    def __init__(self, engine: FakeEngine, *, running: int = 1) -> None:
        self.engine = engine
        self.stopping = threading.Event()
        answerer = Answerer(engine, Gate(running, 0), self.stopping)
        self.client: FlaskClient = create_app(make_card(), answerer).test_client()

    def post(self, path: str, body: object, **environ: object) -> tuple[int, list[dict[str, Any]]]:
        response = self.client.post(path, data=json.dumps(body), environ_overrides=environ)
        return response.status_code, [json.loads(line) for line in response.text.splitlines()]


def test_the_root_says_that_ollama_is_running() -> None:
    client = Served(FakeEngine()).client
    assert client.get("/").text == "Ollama is running"
    assert client.head("/").status_code == 200
    assert client.head("/api/version").status_code == 200
    assert client.get("/api/version").json == {"version": "0.12.0+xllamacpp"}


def test_tags_ps_and_show_describe_the_model() -> None:
    served = Served(FakeEngine())
    tags: Any = served.client.get("/api/tags").json
    ps: Any = served.client.get("/api/ps").json
    assert tags["models"][0]["name"] == ps["models"][0]["name"] == "smollm2:135m"
    assert served.post("/api/show", {"name": "smollm2:135m"})[1][0]["details"]["quantization_level"] == "Q4_1"


def test_a_chat_streams_lines_and_ends_with_the_counts() -> None:
    served = Served(FakeEngine("", "Hel", "lo", USAGE))
    response = served.client.post("/api/chat", data=json.dumps(CHAT))
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert response.content_type == "application/x-ndjson"
    assert [line["message"]["content"] for line in lines] == ["Hel", "lo", ""]
    assert [line["done"] for line in lines] == [False, False, True]
    assert (lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == (7, 2)
    assert lines[-1]["total_duration"] >= lines[-1]["load_duration"] >= 0
    assert served.engine.prompts == ["user:Hi"]


def test_without_streaming_there_is_one_document_with_the_whole_text() -> None:
    served = Served(FakeEngine())
    status, documents = served.post("/api/generate", {"model": "smollm2:135m", "prompt": "Hi", "stream": False})
    assert status == 200
    assert documents[0]["response"] == "Hello"
    assert documents[0]["done"] is True


def test_text_outside_of_ascii_is_sent_as_it_is() -> None:
    response = Served(FakeEngine("Grüße 🌍", USAGE)).client.post("/api/chat", data=json.dumps(CHAT))
    assert "Grüße 🌍" in response.text


def test_a_request_without_a_prompt_asks_nothing_of_the_engine() -> None:
    served = Served(FakeEngine())
    assert served.post("/api/chat", {"model": "smollm2:135m"})[1][0]["done_reason"] == "load"
    assert served.engine.prompts == []


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/api/chat", {**CHAT, "model": "llama9"}, 404, "model 'llama9' not found"),
        ("/api/generate", {"model": "smollm2", "tools": [1]}, 404, "model 'smollm2' not found"),
        ("/api/show", {"model": "llama9"}, 404, "model 'llama9' not found"),
        ("/api/show", {}, 400, "model is required"),
        ("/api/chat", {"messages": []}, 400, "model is required"),
        ("/api/chat", [], 400, "the request body must be a JSON object"),
        ("/api/chat", {**CHAT, "tools": [{}]}, 400, "smollm2:135m does not support tools"),
        ("/api/pull", {}, 404, "404 Not Found: /api/pull is not served here"),
    ],
)
def test_a_refusal_has_the_status_and_shape_of_ollama(path: str, body: object, status: int, message: str) -> None:
    assert Served(FakeEngine()).post(path, body) == (status, [{"error": message}])


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_text_keeps_its_status(stream: bool) -> None:
    served = Served(FakeEngine(BadRequestError("the input length exceeds the context length")))
    status, documents = served.post("/api/chat", {**CHAT, "stream": stream})
    assert (status, documents) == (400, [{"error": "the input length exceeds the context length"}])


def test_a_failure_within_a_stream_is_its_last_line() -> None:
    status, lines = Served(FakeEngine("Hel", OllamaError("the engine died"))).post("/api/chat", CHAT)
    assert status == 200
    assert lines[-1] == {"error": "the engine died"}


def test_an_answer_without_an_end_is_an_error() -> None:
    served = Served(FakeEngine("Hel"))
    assert served.post("/api/chat", CHAT)[1][-1] == {"error": "the model engine ended without a result"}
    assert served.post("/api/chat", {**CHAT, "stream": False})[0] == 500


def test_an_unexpected_failure_tells_the_caller_nothing_of_its_cause() -> None:
    status, documents = Served(FakeEngine(RuntimeError("secret"))).post("/api/chat", CHAT)
    assert (status, documents) == (500, [{"error": "internal error"}])


def test_more_requests_than_places_are_told_that_the_server_is_busy() -> None:
    served = Served(FakeEngine(), running=0)
    status, documents = served.post("/api/chat", CHAT)
    assert status == 503
    assert documents[0]["error"].startswith("server busy, please try again.")


def test_a_client_that_goes_away_cancels_its_generation() -> None:
    served = Served(FakeEngine())
    gone = iter([False, False, True, True])
    _, lines = served.post("/api/chat", CHAT, **{"waitress.client_disconnected": lambda: next(gone)})
    assert [line["done"] for line in lines] == [False]
    assert served.engine.closed == 1


def test_a_closed_response_cancels_its_generation_and_frees_the_place() -> None:
    served = Served(FakeEngine(*["x"] * 1000, USAGE))
    response = served.client.post("/api/chat", data=json.dumps(CHAT), buffered=False)
    next(iter(response.response))
    response.close()
    assert served.engine.closed == 1
    assert served.post("/api/chat", {**CHAT, "stream": False})[0] == 200


def test_a_stopping_server_takes_no_more_requests() -> None:
    served = Served(FakeEngine())
    served.stopping.set()
    assert served.post("/api/chat", CHAT) == (503, [{"error": "the server is stopping"}])


def test_pages_of_other_sites_are_refused() -> None:
    client = Served(FakeEngine()).client
    assert client.get("/api/tags", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/api/tags", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/api/tags", headers={"Origin": "http://localhost:8080"}).status_code == 200
    assert client.get("/api/tags", headers={"Host": "127.0.0.1:11434"}).status_code == 200


def test_a_server_open_to_the_network_takes_any_host_name() -> None:
    app = create_app(make_card(), Answerer(FakeEngine(), Gate(1, 0), threading.Event()), local_only=False)
    assert app.test_client().get("/api/tags", headers={"Host": "models.example"}).status_code == 200
