"""Turns a valid request into Ollama's answer documents: the line, the engine, the counts."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Protocol

from .errors import ClientGoneError, OllamaError, StoppingError
from .gate import Gate
from .wire import Ask, End, Usage, answer_end, answer_part

log = logging.getLogger(__name__)


class TextEngine(Protocol):
    """What answering needs of the engine."""

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The prompt text for the messages."""

    def stream(
        self, prompt: str, sampling: Mapping[str, object], schema: Mapping[str, object] | None
    ) -> Generator[str | Usage, None, None]:
        """The answer's texts and, at the end, its counts; closing it cancels."""


class Answerer:
    """Answers as many requests at a time as the gate lets through."""

    def __init__(self, engine: TextEngine, gate: Gate, stopping: threading.Event) -> None:
        self._engine = engine
        self._gate = gate
        self._stopping = stopping

    def lines(self, ask: Ask, client_gone: Callable[[], bool]) -> Generator[dict[str, object], None, None]:
        """The answer's documents as they are made; closing the iterator cancels the generation.

        Raises OllamaError: before the first document when the request cannot be answered at all, later when
        the engine fails, the server stops or the client goes away.
        """
        with closing(self._events(ask, client_gone)) as events:
            for event in events:
                yield answer_end(ask, event) if isinstance(event, End) else answer_part(ask, event)

    def whole(self, ask: Ask, client_gone: Callable[[], bool]) -> dict[str, object]:
        """The answer as one document; raises OllamaError."""
        texts: list[str] = []
        with closing(self._events(ask, client_gone)) as events:
            for event in events:
                if isinstance(event, End):
                    return answer_end(ask, event, "".join(texts))
                texts.append(event)
        raise OllamaError

    def _events(self, ask: Ask, client_gone: Callable[[], bool]) -> Generator[str | End, None, None]:
        started = time.monotonic_ns()

        def check() -> None:
            if self._stopping.is_set():
                raise StoppingError
            if client_gone():
                raise ClientGoneError

        with self._gate.place(check):
            load = time.monotonic_ns() - started
            for event in self._generate(ask, check):
                if isinstance(event, Usage):
                    end = End(event, total=time.monotonic_ns() - started, load=load)
                    _report(ask, end)
                    yield end
                    return
                if event:
                    yield event
        raise OllamaError("the model engine ended without a result")

    def _generate(self, ask: Ask, check: Callable[[], None]) -> Iterator[str | Usage]:
        prompt = self._engine.render(ask.messages) if ask.messages else ask.prompt
        with closing(self._engine.stream(prompt, ask.sampling, ask.schema)) as events:
            for event in events:
                check()
                yield event


def _report(ask: Ask, end: End) -> None:
    usage = end.usage
    log.info(
        "%s: %d tokens in, %d out, %s, %.2f s (%.2f s in line)",
        ask.kind,
        usage.prompt_tokens,
        usage.output_tokens,
        usage.done_reason,
        end.total / 1e9,
        end.load / 1e9,
    )
