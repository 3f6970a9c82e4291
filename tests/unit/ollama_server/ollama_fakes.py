"""An engine that needs no model, and small makers of requests and files."""

import struct
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from compose.local.ollama_server.card import EngineFacts, ModelCard
from compose.local.ollama_server.wire import Usage

USAGE = Usage(prompt_tokens=7, output_tokens=2, prompt_nanoseconds=300, output_nanoseconds=400, done_reason="stop")


class FakeEngine:
    """Answers with the given events; an exception among them is raised. Remembers what it was asked."""

    def __init__(self, *events: str | Usage | Exception) -> None:
        self.events = events or ("Hel", "lo", USAGE)
        self.prompts: list[str] = []
        self.samplings: list[Mapping[str, object]] = []
        self.schemas: list[Mapping[str, object] | None] = []
        self.closed = 0

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        return "|".join(f"{message['role']}:{message['content']}" for message in messages)

    def stream(
        self, prompt: str, sampling: Mapping[str, object], schema: Mapping[str, object] | None
    ) -> Generator[str | Usage, None, None]:
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        self.schemas.append(schema)
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed += 1


def make_card(tag: str = "smollm2:135m") -> ModelCard:
    moment = datetime(2026, 11, 22, 3, 10, 11, 123456, UTC)
    return ModelCard(
        tag=tag,
        path=Path("/models/small.gguf"),
        header={
            "general.architecture": "llama",
            "general.license": "apache-2.0",
            "general.name": "Hidden",
            "llama.context_length": 8192,
        },
        digest="ab" * 32,
        size=98_362_432,
        modified=moment,
        started=moment,
        facts=EngineFacts(134_515_008, "Q4_1", "{{ messages }}", 4096),
    )


def gguf_text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_file(folder: Path, *pairs: bytes, magic: bytes = b"GGUF", version: int = 3) -> Path:
    """A GGUF file with the given key-value pairs (already packed) and no tensors."""
    path = folder / "model.gguf"
    path.write_bytes(magic + struct.pack("<IQQ", version, 0, len(pairs)) + b"".join(pairs))
    return path
