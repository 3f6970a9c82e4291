"""`python -m services.cost_ledger reconcile` against a real PostgreSQL and an Admin API over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.cost_ledger.times import utc_now
from tests.integration.cost_ledger.anthropic_admin import KEY, AdminApi, running_admin_api
from tests.integration.cost_ledger.service import ROOT, Service, entry, environment
from tests.ports import free_port

HEAD = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
)
COST_HEAD = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd\n"
HAIKU = "claude-haiku-4-5-20251001"
SONNET = "claude-sonnet-5-5"


def usage(day: str, model: str, tokens: str) -> str:
    return f"{day},{model},key,Default,standard,≤ 200k,{tokens},0,global,\n"


EQUAL = (
    HEAD
    + usage("2026-11-20", SONNET, "1000,0,0,0,500")
    + usage("2026-11-21", HAIKU, "5,3,2,4,1")
    + usage("2026-11-21", SONNET, "1500,0,0,0,600")
    + usage("2026-11-21", SONNET, "500,0,0,0,400")
)


@pytest.fixture
def books(own_service: Service) -> Service:
    """Three days of cloud answers, and local and cached ones that the provider knows nothing of."""
    kinds = {"input": 5, "output": 1, "cache_read": 4, "cache_write_5m": 3, "cache_write_1h": 2}
    own_service.client().book(
        entry("first", occurred_at="2026-11-20T00:00:00Z"),
        entry("last-of-the-day", occurred_at="2026-11-21T01:59:59+02:00", usage={}),
        entry("a", occurred_at="2026-11-21T00:00:00Z"),
        entry("b", occurred_at="2026-11-21T23:59:59.999999Z", status="error", error_code="cut"),
        entry(
            "haiku",
            occurred_at="2026-11-21T12:00:00Z",
            model="claude-haiku-4-5",
            usage={f"{kind}_tokens": tokens for kind, tokens in kinds.items()},
        ),
        entry("local", occurred_at="2026-11-21T12:00:00Z", model="tinyllama", backend="local"),
        entry("cached", occurred_at="2026-11-21T12:00:00Z", backend="cache"),
        entry("unpriced", occurred_at="2026-11-22T12:00:00Z", model="claude-next-9"),
    )
    return own_service


@pytest.fixture
def admin() -> Iterator[AdminApi]:
    with running_admin_api() as api:
        yield api


def run(service: Service, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cost_ledger", "reconcile", *map(str, arguments)],
        env=environment(**{"DATABASE_URL": service.database_url, **settings}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def with_admin(admin: AdminApi) -> dict[str, str]:
    return {"ANTHROPIC_ADMIN_KEY": KEY, "ANTHROPIC_BASE_URL": admin.url}


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """What was printed, on one line."""
    return " ".join(ended.stdout.split())


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(text, "utf-8")
    return path


def test_equal_books_end_with_0(books: Service, tmp_path: Path) -> None:
    ended = run(books, file(tmp_path, EQUAL))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Equal: the ledger and the export agree on every token, 2026-11-20 to 2026-11-21 (2 days)." in said(ended)
    today = utc_now().date()
    assert f"Not compared: 2026-11-22 to {today}, covered only by the ledger." in said(ended)


def test_one_token_ends_with_1_and_is_found(books: Service, tmp_path: Path) -> None:
    path = file(tmp_path, EQUAL.replace("5,3,2,4,1", "5,3,2,4,2"))
    ended = run(books, path)
    assert ended.returncode == 1
    assert "The export has 1 output token more." in said(ended)
    assert max(map(len, ended.stdout.splitlines())) <= 100
    told = json.loads(run(books, path, "--json").stdout)
    (difference,) = told["differences"]
    assert (difference["day"], difference["model"]) == ("2026-11-21", "claude-haiku-4-5")
    assert difference["tokens"]["output"] == {"ledger": 1, "provider": 2, "difference": -1}
    assert told["totals"]["tokens"]["input"] == {"ledger": 3005, "provider": 3005, "difference": 0}


def test_a_cost_export_is_compared_to_its_cents(books: Service, tmp_path: Path) -> None:
    # 0.007 USD on the 20th, 0.014 for Sonnet and 0.000018... for Haiku on the 21st
    def cost(day: str, model: str, kind: str, amount: str) -> str:
        return f"{day},{model},Default,key,message,≤ 200k,{kind},{amount},{amount}\n"

    rows = (
        cost("2026-11-20", "Claude Sonnet 5.5", "input_no_cache", "0.00")
        + cost("2026-11-20", "Claude Sonnet 5.5", "output", "0.01")
        + cost("2026-11-21", "Claude Sonnet 5.5", "output", "0.01")
        + cost("2026-11-21", "Claude Haiku 4.5", "output", "0.00")
    )
    ended = run(books, file(tmp_path, COST_HEAD + rows))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "agree on the cost, to the export's rounding, 2026-11-20 to 2026-11-21" in said(ended)
    wrong = run(books, file(tmp_path, COST_HEAD + rows.replace("output,0.01,0.01", "output,0.03,0.03")))
    assert wrong.returncode == 1
    assert "The export has 0.03" in said(wrong)


def test_all_days_and_unpriced_requests_are_told(books: Service, tmp_path: Path) -> None:
    ended = run(books, file(tmp_path, EQUAL), "--all-days")
    assert ended.returncode == 1
    assert "2026-11-22  claude-next-9" in ended.stdout
    assert ended.stdout.splitlines()[-1].endswith("left out of its cost: 1.")


def test_the_days_to_compare_can_be_narrowed(books: Service, tmp_path: Path) -> None:
    path = file(tmp_path, EQUAL.replace("1000,0,0,0,500", "999,0,0,0,500"))
    assert run(books, path).returncode == 1
    ended = run(books, path, "--from", "2026-11-21", "--to", "2026-11-21")
    assert ended.returncode == 0
    assert "Not compared" not in ended.stdout


def test_the_usage_report_is_compared_page_by_page(books: Service, admin: AdminApi) -> None:
    admin.days_a_page = 1
    admin.usage = {
        "2026-11-20": {SONNET: (1000, 500, 0, 0, 0)},
        "2026-11-21": {HAIKU: (5, 1, 4, 3, 2), SONNET: (2000, 1000, 0, 0, 0)},
    }
    span = ("--from", "2026-11-19", "--to", "2026-11-21")
    ended = run(books, "--api", *span, **with_admin(admin))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(admin.requests) == 3
    assert "Equal: the ledger and the usage report agree on every token, 2026-11-20 to 2026-11-21" in said(ended)
    assert "Not compared: 2026-11-19, covered only by the usage report." in said(ended)
    admin.usage["2026-11-20"] = {SONNET: (1000, 501, 0, 0, 0)}
    ended = run(books, "--api", *span, **with_admin(admin))
    assert ended.returncode == 1
    assert "The usage report has 1 output token more." in said(ended)


def test_the_report_is_asked_from_the_ledgers_first_day_to_yesterday_at_most_30_days(
    own_service: Service, admin: AdminApi
) -> None:
    now = utc_now()
    own_service.client().book(entry("now", occurred_at=(now - timedelta(days=3)).isoformat()))
    assert run(own_service, "--api", **with_admin(admin)).returncode == 1
    own_service.client().book(entry("old", occurred_at=(now - timedelta(days=90)).isoformat()))
    assert run(own_service, "--api", **with_admin(admin)).returncode == 1
    days = [(now - timedelta(days=back)).date().isoformat() for back in (3, 30, 0)]
    asked = [(query["starting_at"][0][:10], query["ending_at"][0][:10]) for query in admin.requests]
    assert asked == [(days[0], days[2]), (days[1], days[2])]


@pytest.mark.parametrize(("status", "words"), [(401, "ANTHROPIC_ADMIN_KEY"), (429, "too often"), (500, "fails at the")])
def test_a_report_that_cannot_be_had_ends_with_2(books: Service, admin: AdminApi, status: int, words: str) -> None:
    admin.statuses = [status] * 3
    ended = run(books, "--api", **with_admin(admin))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert KEY not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "error: give the file of an export, or --api"),
        (("x.csv", "--api"), "error: give the file of an export, or --api"),
        (("no-such.csv",), "error: no-such.csv: No such file or directory"),
        (("--api",), "configuration error: ANTHROPIC_ADMIN_KEY: must be set"),
        (("--api", "--to", "2999-01-01"), "error: --to: 2999-01-01 lies in the future"),
        (("--api", "--from", "2026-11-21", "--to", "2026-11-20"), "error: --from: 2026-11-21 lies after the last day"),
    ],
)
def test_what_cannot_be_compared_ends_with_2(books: Service, arguments: tuple[str, ...], said: str) -> None:
    ended = run(books, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(said)
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", (), "the file is empty"),
        (HEAD + usage("2026-11-20", SONNET, "1,2,3,4,x"), (), "line 2: column usage_output_tokens: must be a whole"),
        (EQUAL, ("--from", "2026-11-22"), "the export covers 2026-11-20 to 2026-11-21: no day of those asked for"),
    ],
)
def test_a_file_that_is_no_use_ends_with_2(
    books: Service, tmp_path: Path, text: str, options: tuple[str, ...], said: str
) -> None:
    ended = run(books, file(tmp_path, text), *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_no_common_day_ends_with_2_and_is_said(books: Service, tmp_path: Path) -> None:
    ended = run(books, file(tmp_path, HEAD + usage("2026-11-01", SONNET, "1,2,3,4,5")))
    assert ended.returncode == 2
    assert ended.stdout.startswith("Nothing was compared: the ledger and the export have no day in common.")


def test_an_empty_ledger_and_one_that_is_away_end_with_2(own_service: Service, tmp_path: Path) -> None:
    path = file(tmp_path, EQUAL)
    ended = run(own_service, path)
    assert (ended.returncode, ended.stderr) == (
        2,
        "error: the ledger has no entries yet: there is nothing to compare\n",
    )
    away: dict[str, Any] = {"DATABASE_URL": f"postgresql://ledger@127.0.0.1:{free_port()}/books"}
    ended = run(own_service, path, **away)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("error: The ledger's database does not answer.")
