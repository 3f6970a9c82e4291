"""llama.cpp in this process, through `xllamacpp`: loads one model and streams completions.

The engine brings its own HTTP server on a free loopback port; it is spoken to with a key made at start, so
nobody else on the machine can use it. Over HTTP, closing the connection cancels a generation, and the
streams need neither callbacks nor threads.
"""

import json
import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests

from .card import EngineFacts
from .errors import BadRequestError, OllamaError
from .wire import Usage

CONNECT_SECONDS = 5
# The longest silence between two chunks: one batch of a prompt on a busy machine.
CHUNK_SECONDS = 120
# Small batches, so that cancelling and the other streams wait little while a long prompt is read.
BATCH_TOKENS = 256
# Without a limit on white space, small models write blanks until they run out of tokens.
COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
# In characters; the verdicts on schemas are remembered by their text.
LARGEST_SCHEMA = 64 * 1024
# No JSON text starts like this.
NOT_JSON = "hello"


@dataclass(frozen=True)
class EngineSettings:
    """What to load and how much to use; `context` is in tokens for each of the `parallel` requests."""

    model: Path
    context: int = 4096
    parallel: int = 2
    threads: int = 1
    prompt_threads: int = 2


class Engine:
    """A loaded model; safe to use from several threads."""

    def __init__(self, settings: EngineSettings) -> None:
        """Load the model, which takes about a second; raises RuntimeError when the engine refuses it."""
        self._key = secrets.token_urlsafe(24)
        self._server = _start(settings, self._key)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc between us and the engine
        self._session.headers["Authorization"] = f"Bearer {self._key}"
        props = self._get("/props")
        self.facts = EngineFacts(
            parameters=int(self._get("/v1/models")["data"][0]["meta"]["n_params"]),
            quantization=str(props["model_ftype"]),
            chat_template=str(props["chat_template"]),
            context=int(props["default_generation_settings"]["n_ctx"]),
        )
        self._forbidden = int(self._call("/tokenize", {"content": NOT_JSON}).json()["tokens"][0])
        self._obeys = lru_cache(maxsize=256)(self._try_schema)

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The prompt text that the model's own chat template makes of the messages."""
        return str(self._call("/apply-template", {"messages": messages}).json()["prompt"])

    def stream(
        self, prompt: str, sampling: Mapping[str, object], schema: Mapping[str, object] | None
    ) -> Generator[str | Usage, None, None]:
        """The answer as it is made, and a Usage at its end; closing the iterator cancels the generation.

        An empty text says that the prompt is still being read. Raises BadRequestError before the first text
        when the prompt does not fit into the context or the schema is beyond the engine.
        """
        body: dict[str, object] = {**sampling, "prompt": prompt, "stream": True, "return_progress": True}
        if schema is not None:
            body["json_schema"] = self._compact(schema)
        with self._call("/completion", body, stream=True) as response:
            try:
                for line in response.iter_lines():
                    if line.startswith(b"data: "):
                        yield _event(json.loads(line[6:]))
                    elif line.startswith(b"error: "):
                        raise OllamaError(_error_text(json.loads(line[7:])))
            except requests.RequestException as error:
                raise OllamaError("the model engine stopped answering") from error

    def _compact(self, schema: Mapping[str, object]) -> dict[str, object]:
        """The schema without loose white space; raises BadRequestError where the engine would ignore it."""
        compact = {**schema, "x-guidance": COMPACT}
        text = json.dumps(compact, sort_keys=True)
        if len(text) > LARGEST_SCHEMA:
            raise BadRequestError(f"invalid format: the JSON schema is longer than {LARGEST_SCHEMA} characters")
        if not self._obeys(text):
            raise BadRequestError("invalid format: this JSON schema is not valid or not supported by the engine")
        return compact

    def _try_schema(self, schema: str) -> bool:
        """Whether the engine keeps to the schema: it generates freely, without a word, where it cannot.

        One token is asked for while a word that starts no JSON text is made all but certain.
        """
        body = {
            "prompt": NOT_JSON,
            "n_predict": 1,
            "temperature": 0,
            "logit_bias": [[self._forbidden, 1000.0]],
            "json_schema": json.loads(schema),
        }
        answer = str(self._call("/completion", body).json()["content"])
        return not answer.strip().startswith(NOT_JSON[0])

    def _get(self, path: str) -> dict[str, Any]:
        response = self._session.get(self._url(path), timeout=(CONNECT_SECONDS, CHUNK_SECONDS))
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def _call(self, path: str, body: Mapping[str, object], *, stream: bool = False) -> requests.Response:
        try:
            response = self._session.post(
                self._url(path), json=body, stream=stream, timeout=(CONNECT_SECONDS, CHUNK_SECONDS)
            )
        except requests.RequestException as error:
            raise OllamaError("the model engine does not answer") from error
        if response.ok:
            return response
        with response:
            raise _refusal(response)

    def _url(self, path: str) -> str:
        return f"{self._server.listening_address}{path}"


def _start(settings: EngineSettings, key: str) -> Any:
    # Imported here, not above: libgomp reads its environment while this loads (see __main__).
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(settings.model)
    params.n_ctx = settings.context * settings.parallel
    params.n_parallel = settings.parallel
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.prompt_threads
    params.cache_ram_mib = 0  # else old prompts may fill 8 GiB of memory
    params.fit_params = False  # take the context as asked for, or fail
    params.api_keys = [key]
    params.ui = False
    params.verbosity = 1  # errors only: no prompt ever reaches a log
    return xllamacpp.Server(params)


def _event(data: Mapping[str, Any]) -> str | Usage:
    if "error" in data:
        raise OllamaError(_error_text(data))
    if not data["stop"]:
        return str(data["content"])
    timings = data["timings"]
    return Usage(
        prompt_tokens=int(data["tokens_evaluated"]),
        output_tokens=int(data["tokens_predicted"]),
        prompt_nanoseconds=round(timings["prompt_ms"] * 1e6),
        output_nanoseconds=round(timings["predicted_ms"] * 1e6),
        done_reason="length" if data["stop_type"] == "limit" else "stop",
    )


def _refusal(response: requests.Response) -> OllamaError:
    try:
        answer = response.json()
        text = _error_text(answer)
    except ValueError:
        return OllamaError(f"the model engine answered {response.status_code}")
    if response.status_code != BadRequestError.status:
        return OllamaError(text)
    error = answer.get("error", {})
    if error.get("type") == "exceed_context_size_error":
        needed, room = error["n_prompt_tokens"], error["n_ctx"]
        text = f"the input length exceeds the context length: {needed} tokens, and the context holds {room}"
    return BadRequestError(text)


def _error_text(answer: Mapping[str, Any]) -> str:
    error = answer.get("error", answer)
    return str(error.get("message", error) if isinstance(error, Mapping) else error)
