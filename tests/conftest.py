"""Settings of all tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A busy machine makes inputs slowly and answers late; what the tests claim about time, they measure themselves.
settings.register_profile("busy-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy-machine")


@pytest.fixture(autouse=True)
def log_level_as_it_was() -> Iterator[None]:
    """Commands set the root logger up for a process of their own; the next test must not find it so."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
