"""Reading the Admin API's usage report over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from services.catalog import load_catalogue
from services.cost_ledger.reconcile.books import Books, Figures
from services.cost_ledger.reconcile.usage_api import UsageApi, UsageUnavailable
from services.runtime import ConfigError, Env
from tests.integration.cost_ledger.anthropic_admin import KEY, AdminApi, running_admin_api
from tests.ports import free_port

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 20)


@pytest.fixture
def admin() -> Iterator[AdminApi]:
    with running_admin_api() as api:
        yield api


def read(admin: AdminApi, *, first: date = FIRST, last: date = LAST, key: str = KEY, retries: int = 0) -> Books:
    return UsageApi(key, admin.url, retries).read(first, last, load_catalogue())


def page(**fields: Any) -> bytes:
    result = {
        "model": "claude-sonnet-5-5",
        "uncached_input_tokens": 1,
        "output_tokens": 2,
        "cache_read_input_tokens": 3,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
    }
    bucket = {"starting_at": "2026-11-01T00:00:00Z", "results": [result]}
    document = {"data": [bucket], "has_more": False, "next_page": None}
    for part in (result, bucket, document):
        part.update({name: value for name, value in fields.items() if name in part})
    return json.dumps(document).encode()


def test_each_kind_of_token_is_read_by_day_and_by_the_catalogues_model(admin: AdminApi) -> None:
    admin.usage = {
        "2026-11-01": {"claude-haiku-4-5-20251001": (1, 2, 3, 4, 5), "claude-sonnet-5-5": (6, 0, 0, 0, 0)},
        "2026-11-20": {"": (7, 0, 0, 0, 0)},
        "2026-11-21": {"claude-sonnet-5-5": (9, 9, 9, 9, 9)},
    }
    books = read(admin)
    assert books.figures == {
        (FIRST, "claude-haiku-4-5"): Figures(1, 2, 3, 4, 5),
        (FIRST, "claude-sonnet-5-5"): Figures(6),
        (LAST, "(no model)"): Figures(7),
    }
    assert (books.first, books.last, books.has_tokens, books.has_cost) == (FIRST, LAST, True, False)


def test_the_report_is_read_to_its_last_page(admin: AdminApi) -> None:
    admin.days_a_page = 3
    admin.usage = {f"2026-11-{day:02}": {"claude-sonnet-5-5": (day, 0, 0, 0, 0)} for day in range(1, 21)}
    books = read(admin)
    assert [figures.input for figures in books.figures.values()] == list(range(1, 21))
    pages = [query.get("page") for query in admin.requests]
    assert pages == [None, *([f"page_{begin}"] for begin in range(3, 20, 3))]


def test_it_is_asked_as_its_documentation_says(admin: AdminApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another-secret")
    read(admin, first=FIRST, last=FIRST)
    (query,), (headers,) = admin.requests, admin.headers
    assert query == {
        "starting_at": ["2026-11-01T00:00:00Z"],
        "ending_at": ["2026-11-02T00:00:00Z"],
        "bucket_width": ["1d"],
        "group_by[]": ["model"],
        "limit": ["31"],
    }
    assert (headers["x-api-key"], headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "another-secret" not in str(headers)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Anthropic refused the request for the usage report (400)"),
        (401, "Anthropic refused ANTHROPIC_ADMIN_KEY (401): it must be an Admin API key, which begins with"),
        (403, "Anthropic refused ANTHROPIC_ADMIN_KEY (403)"),
        (404, "Anthropic refused the request for the usage report (404)"),
        (429, "Anthropic is asked too often (429): try again in a minute"),
        (500, "Anthropic's usage report fails at the moment (500): try again later"),
        (529, "Anthropic's usage report fails at the moment (529): try again later"),
    ],
)
def test_a_refusal_says_what_to_do_and_keeps_the_key_to_itself(admin: AdminApi, status: int, said: str) -> None:
    admin.statuses = [status]
    with pytest.raises(UsageUnavailable) as refused:
        read(admin)
    assert str(refused.value).startswith(said)
    assert KEY not in str(refused.value)


def test_a_wrong_key_is_refused(admin: AdminApi) -> None:
    with pytest.raises(UsageUnavailable, match="refused ANTHROPIC_ADMIN_KEY"):
        read(admin, key="-".join(("sk-ant", "api03", "ordinary")))


@pytest.mark.parametrize("statuses", [[429, 500], [529]])
def test_a_passing_failure_is_asked_again(admin: AdminApi, statuses: list[int]) -> None:
    admin.statuses = list(statuses)
    admin.usage = {"2026-11-01": {"claude-sonnet-5-5": (1, 0, 0, 0, 0)}}
    assert len(read(admin, retries=2).figures) == 1
    assert len(admin.requests) == len(statuses) + 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        page(data=None),
        page(data=[None]),
        page(has_more=None),
        page(has_more=True),
        page(results=[None]),
        page(starting_at="today"),
        page(output_tokens=None),
        page(output_tokens=1.5),
        page(output_tokens=True),
        page(cache_creation=None),
        page(cache_creation={"ephemeral_5m_input_tokens": 1}),
    ],
)
def test_an_answer_of_another_shape_is_refused(admin: AdminApi, answer: bytes) -> None:
    admin.answer = answer
    with pytest.raises(UsageUnavailable, match="the answer is not like Anthropic's usage report: "):
        read(admin)


def test_pages_that_repeat_come_to_an_end(admin: AdminApi) -> None:
    admin.answer = page(has_more=True, next_page="again")
    with pytest.raises(UsageUnavailable, match="its pages repeat"):
        read(admin)
    assert len(admin.requests) == 2


def test_nobody_at_the_address_is_said() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UsageUnavailable, match=f"{url} cannot be reached"):
        UsageApi(KEY, url, 0).read(FIRST, LAST, load_catalogue())


def test_a_slow_answer_is_not_waited_for(admin: AdminApi) -> None:
    admin.open.clear()
    try:
        with pytest.raises(UsageUnavailable, match=r"did not answer within 0\.2 seconds"):
            UsageApi(KEY, admin.url, 0, seconds=0.2).read(FIRST, LAST, load_catalogue())
    finally:
        admin.open.set()


def test_the_settings_are_read_and_the_key_is_never_shown() -> None:
    api = UsageApi.from_env(Env({"ANTHROPIC_ADMIN_KEY": KEY}))
    assert (api.key, api.url) == (KEY, "https://api.anthropic.com")
    assert KEY not in repr(api)
    with pytest.raises(ConfigError, match="ANTHROPIC_ADMIN_KEY: must be set"):
        UsageApi.from_env(Env({}))
    with pytest.raises(ConfigError, match="ANTHROPIC_ADMIN_KEY: has characters that no key has"):
        UsageApi.from_env(Env({"ANTHROPIC_ADMIN_KEY": "sk-ant-admin\nx"}))
