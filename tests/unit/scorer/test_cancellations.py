"""Marks of requests whose caller went away, without Redis."""

from __future__ import annotations

import pytest
from flask import Flask

from services.scorer.cancel_routes import build_cancel_routes
from services.scorer.cancellations import KEEP_SECONDS, Cancellations
from services.scorer.redis_link import RedisAway, RedisLink


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeLink(RedisLink):
    """Redis as a dictionary, that can be away."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.seconds: list[int] = []
        self.away = False

    def get(self, key: str) -> bytes | None:
        if self.away:
            raise RedisAway
        return self.values[key].encode() if key in self.values else None

    def put(self, key: str, value: str, seconds: int) -> None:
        if self.away:
            raise RedisAway
        self.values[key] = value
        self.seconds.append(seconds)


def test_a_mark_holds_for_ten_minutes() -> None:
    clock = Clock()
    cancellations = Cancellations(None, clock)
    cancellations.mark("r-1")
    assert (cancellations.is_marked("r-1"), cancellations.is_marked("r-2")) == (True, False)
    clock.now += KEEP_SECONDS
    assert not cancellations.is_marked("r-1")


def test_scorers_share_their_marks_through_redis() -> None:
    link = FakeLink()
    Cancellations(link).mark("r-1")
    assert Cancellations(link).is_marked("r-1")
    assert link.seconds == [KEEP_SECONDS]


def test_without_redis_a_mark_is_known_to_its_own_process() -> None:
    link = FakeLink()
    link.away = True
    here, elsewhere = Cancellations(link), Cancellations(link)
    here.mark("r-1")
    assert (here.is_marked("r-1"), elsewhere.is_marked("r-1")) == (True, False)


def test_many_marks_push_out_the_oldest() -> None:
    cancellations = Cancellations(None, Clock())
    for number in range(10_001):
        cancellations.mark(f"r-{number}")
    assert not cancellations.is_marked("r-0")
    assert cancellations.is_marked("r-1")
    assert cancellations.is_marked("r-10000")


@pytest.fixture
def app() -> Flask:
    app = Flask("test")
    app.register_blueprint(build_cancel_routes(Cancellations(None)))
    return app


def test_the_routes_mark_and_tell(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/v1/cancelled/r-1").get_json() == {"cancelled": False}
    assert client.post("/v1/cancel", json={"request_id": "r-1"}).status_code == 204
    assert client.get("/v1/cancelled/r-1").get_json() == {"cancelled": True}
