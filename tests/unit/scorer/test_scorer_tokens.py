# ruff: noqa: RUF001 (prompts in other scripts)
"""The estimate of tokens. The true counts were measured with SmolLM2's tokeniser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorer.tokens import estimate_tokens


@pytest.mark.parametrize(
    ("text", "true_count"),
    [
        ("What is the capital of France?", 7),
        (
            "Write a Python class for a binary search tree with insertion, deletion and self-balancing (AVL), "
            "with unit tests.",
            26,
        ),
        (
            "光合作用是绿色植物利用光能把二氧化碳和水转化为有机物并释放氧气的过程。请证明素数有无穷多个，"
            "并用Python实现一个带删除和平衡功能的二叉搜索树。",
            123,
        ),
        (
            "Фотосинтез — это процесс, при котором зелёные растения преобразуют световую энергию в химическую. "
            "Докажите, что простых чисел бесконечно много.",
            113,
        ),
        ("3.14159265358979 1234567890 2026-11-22T03:10:11.123456Z", 55),
    ],
)
def test_estimate_is_near_the_true_count(text: str, true_count: int) -> None:
    assert 0.7 * true_count <= estimate_tokens(text) <= 1.3 * true_count


def test_nothing_has_no_tokens() -> None:
    assert estimate_tokens("") == 0


@given(st.text(), st.text())
def test_longer_text_never_has_fewer_tokens(one: str, other: str) -> None:
    both = estimate_tokens(one + other)
    assert both >= estimate_tokens(one)
    assert both <= estimate_tokens(one) + estimate_tokens(other)
    assert (both > 0) == bool(one + other)
