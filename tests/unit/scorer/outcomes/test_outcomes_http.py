"""Routes that are recorded, and POST /v1/outcomes, through the scorer's HTTP interface with a store in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.catalog import Catalogue
from services.runtime import Env
from services.scorer.app import create_app
from services.scorer.availability import AvailabilityWatch
from services.scorer.config import ScorerConfig
from tests.unit.scorer.outcomes.fake_store import NOW, FakeStore

TOKEN = "a token of more than 16 characters"
SECRET = "Ada Lovelace"


class Client:
    """A scorer with the small catalogue's cloud, no Ollama and no cache."""

    def __init__(self, http: FlaskClient, store: FakeStore | None) -> None:
        self.http = http
        self.store = store

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        response = self.http.post(path, json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        return response.status_code, response.get_json()

    def get(self, path: str) -> Any:
        return self.http.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).get_json()

    def route(self, request_id: str, **body: Any) -> Any:
        status, document = self.post("/v1/route", {"prompt": f"Who is {SECRET}?", "request_id": request_id} | body)
        assert status == 200, document
        return document

    def written(self, count: int) -> FakeStore:
        """The store once it has this many records."""
        assert self.store is not None
        deadline = time.monotonic() + 5
        while len(self.store.routes) + len(self.store.outcomes) < count:
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.02)
        return self.store


@pytest.fixture
def start(catalogue: Catalogue) -> Iterator[Callable[..., Client]]:
    closing = []

    def make(store: FakeStore | None = None, **env: str) -> Client:
        config = ScorerConfig.from_env(Env({"SERVICE_TOKEN": TOKEN, "REDIS_CACHE_ENABLED": "false"} | env))
        watch = AvailabilityWatch(catalogue, "http://127.0.0.1:9", cloud_key=True)
        app = create_app(config, catalogue=catalogue, availability=watch, outcomes=store, clock=lambda: NOW)
        closing.append(app.extensions["scorer_recorder"])
        return Client(app.test_client(), store)

    yield make
    for recorder in closing:
        if recorder is not None:
            recorder.close()


def test_routes_to_a_model_are_recorded_and_refusals_are_not(start: Callable[..., Client]) -> None:
    client = start(FakeStore())
    assert client.route("r-1")["decision"] == "cloud"
    assert client.route("r-2", privacy="local-only")["decision"] == "refused"
    assert client.route("r-3", model="sky-pro")["model"] == "sky-pro"
    records = {record.request_id: record for record in client.written(2).routes}
    assert records.keys() == {"r-1", "r-3"}
    assert (records["r-1"].at, records["r-1"].decision, records["r-1"].automatic) == (NOW, "cloud", True)
    assert records["r-1"].cloud_cost == records["r-1"].estimated_cost
    assert not records["r-3"].automatic


def test_prompts_are_kept_only_where_the_operator_says_so(start: Callable[..., Client]) -> None:
    client = start(FakeStore())
    client.route("r-1")
    assert SECRET not in str([record.row() for record in client.written(1).routes])
    client = start(FakeStore(), SCORER_KEEP_PROMPTS="true")
    client.route("r-1")
    assert client.written(1).routes[0].prompt == f"Who is {SECRET}?"


def test_outcomes_are_taken_singly_and_in_batches(start: Callable[..., Client]) -> None:
    client = start(FakeStore())
    assert client.post("/v1/outcomes", {"request_id": "r-1", "outcome": "good"}) == (202, {"kept": 1, "problem": None})
    batch = [{"request_id": f"r-{number}", "outcome": "accepted", "model": "tiny"} for number in range(1000)]
    assert client.post("/v1/outcomes", {"outcomes": batch}) == (202, {"kept": 1000, "problem": None})
    told = client.written(1001).outcomes
    assert (told[0].request_id, told[0].outcome, told[0].at, told[0].model) == ("r-1", "good", NOW, None)
    assert told[-1].model == "tiny"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"request_id": "r", "outcome": "great"}, "outcome"),
        ({"request_id": "", "outcome": "good"}, "request_id"),
        ({"request_id": "r\0", "outcome": "good"}, "request_id"),
        ({"request_id": "r\n", "outcome": "good"}, "request_id"),
        ({"request_id": "r", "outcome": "good", "model": ""}, "model"),
        ({"request_id": "r", "outcome": "bad", "reason": "It told me nonsense."}, "reason"),
        ({"outcomes": []}, "outcomes"),
        ({"outcomes": [{"request_id": "r", "outcome": "good"}] * 1001}, "outcomes"),
        ({"outcomes": [{"request_id": "r", "outcome": "good"}, {"request_id": "r"}]}, "outcomes[1]"),
    ],
)
def test_a_wrong_outcome_is_a_400_that_names_the_field(
    start: Callable[..., Client], body: dict[str, Any], field: str
) -> None:
    status, document = start(FakeStore()).post("/v1/outcomes", body)
    assert (status, document["error"]["code"], document["error"]["field"]) == (400, "bad_request", field)


def test_without_a_database_routing_works_and_outcomes_are_said_not_to_be_kept(start: Callable[..., Client]) -> None:
    client = start()
    assert client.route("r-1")["decision"] == "cloud"
    status, document = client.post("/v1/outcomes", {"request_id": "r-1", "outcome": "good"})
    assert (status, document["kept"]) == (200, 0)
    assert "not kept" in document["problem"]
    assert "outcomes" not in client.get("/readyz")["warnings"]


def test_a_store_that_is_away_is_a_warning_and_a_full_queue_a_503(start: Callable[..., Client]) -> None:
    store = FakeStore()
    store.away = True
    client = start(store)
    assert client.route("r-1")["decision"] == "cloud"
    ready = client.http.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "degraded")
    assert ready.get_json()["warnings"]["outcomes"] == "Outcomes are not kept: PostgreSQL does not answer."
    batch = {"outcomes": [{"request_id": str(number), "outcome": "bad"} for number in range(1000)]}
    for _ in range(4):
        assert client.post("/v1/outcomes", batch)[0] == 202
    status, document = client.post("/v1/outcomes", batch)
    assert (status, document["error"]["code"]) == (503, "outcomes_unavailable")
    assert client.route("r-2")["decision"] == "cloud"
    store.away = False
    assert len(client.written(4002).outcomes) == 4000


def test_a_tuning_file_moves_scores_and_routes_and_the_scorers_own_complexity_is_recorded(
    start: Callable[..., Client], tmp_path: Path
) -> None:
    file = tmp_path / "tuning.json"
    file.write_text(
        '{"version": 1, "made_at": "2026-10-30T00:00:00Z", "thresholds": {"small": 0.1, "medium": 0.2, "large": 0.2}, '
        '"correction": {"intercept": 2.0, "slope": 1.0, "weights": {}, "means": {}, "scales": {}}}'
    )
    plain, tuned = start(FakeStore()), start(FakeStore(), SCORER_TUNING_FILE=str(file))
    before = plain.post("/v1/score", {"prompts": [SECRET]})[1]["scores"][0]
    after = tuned.post("/v1/score", {"prompts": [SECRET]})[1]["scores"][0]
    assert after["complexity"] > before["complexity"] + 0.1
    assert after["factors"][-1]["name"] == "own_traffic"
    route = tuned.route("r-1")
    assert route["factors"][-1]["name"] == "own_traffic"
    record = tuned.written(1).routes[0]
    assert record.tuned_complexity == route["complexity"]
    assert record.complexity == plain.route("r-1")["complexity"]
    policy = tuned.get("/v1/policy")
    assert policy["policy"]["thresholds.large"] == {"value": 0.2, "source": "tuning file of 2026-10-30"}
    assert policy["tuning"] == {"made_at": "2026-10-30T00:00:00+00:00", "evidence": {}, "corrects_complexity": True}
    assert plain.get("/v1/policy")["tuning"] is None


def test_a_broken_tuning_file_is_a_warning(start: Callable[..., Client], tmp_path: Path) -> None:
    file = tmp_path / "tuning.json"
    file.write_text("{")
    client = start(SCORER_TUNING_FILE=str(file))
    assert client.route("r-1")["decision"] == "cloud"
    assert "SCORER_TUNING_FILE" in client.get("/readyz")["warnings"]["tuning"]
