"""The cost page in headless Chromium: its numbers against the API, on a phone and a desk, by day and by night."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.integration.cost_ledger.costs_sample import fill
from tests.integration.cost_ledger.service import TOKEN, Service, entry, running_ledger
from tests.postgres import PostgresServer

PHONE, DESK = (360, 800), (1280, 900)
SECONDS = 20


@pytest.fixture(scope="module")
def ledger(postgres: PostgresServer) -> Iterator[Service]:
    with running_ledger(postgres.create_database()) as service:
        fill(service.client(), datetime.now(UTC), per_day=25)
        yield service


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with running_chrome(tmp_path_factory.mktemp("chromium")) as chrome:
        yield chrome


def running_chrome(profile: Path) -> Chrome:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert browser, "Chromium is missing: apt-get install chromium"
    assert driver, "its driver is missing: apt-get install chromium-driver"
    options = ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    chrome = Chrome(options=options, service=ChromeService(driver))
    chrome.set_page_load_timeout(SECONDS)
    chrome.implicitly_wait(SECONDS)
    return chrome


@pytest.fixture
def visitor(chrome: Chrome, ledger: Service) -> Chrome:
    """The browser at the login, without a cookie."""
    look(chrome, DESK, "light")
    chrome.get(address(ledger, "/login"))
    chrome.delete_all_cookies()
    return chrome


@pytest.fixture
def page(visitor: Chrome, ledger: Service) -> Chrome:
    """The browser at the page."""
    sign_in(visitor, TOKEN)
    arrives(visitor, address(ledger, "/"))
    return visitor


def address(ledger: Service, path: str) -> str:
    return f"http://127.0.0.1:{ledger.port}{path}"


def look(chrome: Chrome, size: tuple[int, int], scheme: str) -> None:
    width, height = size
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def sign_in(chrome: Chrome, token: str) -> None:
    chrome.find_element(By.ID, "token").send_keys(token)
    chrome.find_element(By.CSS_SELECTOR, "main button").click()


def arrives(chrome: Chrome, url: str) -> None:
    """Return once the browser is at `url`: a click does not wait for the page that it leads to."""
    WebDriverWait(chrome, SECONDS).until(lambda _: chrome.current_url == url, f"not at {url}")


def amount(chrome: Chrome, selector: str) -> str:
    """The exact amount in the element of a selector."""
    found: str = chrome.execute_script("return document.querySelector(arguments[0]).value", f"{selector} data")
    return found


def text(chrome: Chrome, selector: str) -> str:
    return chrome.find_element(By.CSS_SELECTOR, selector).text


def last_30_days(ledger: Service, report: str) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    document: dict[str, Any] = ledger.client().get(f"/v1/reports/{report}?from={today - timedelta(days=29)}&to={today}")
    return document


def same(shown: str, told: str) -> bool:
    return Decimal(shown) == Decimal(told)


def test_a_wrong_token_is_told_and_the_right_one_opens_the_page(visitor: Chrome, ledger: Service) -> None:
    visitor.get(address(ledger, "/"))
    assert visitor.current_url == address(ledger, "/login")
    sign_in(visitor, "not-the-token")
    assert "This is not the service token." in text(visitor, "[role=alert]")
    sign_in(visitor, TOKEN)
    arrives(visitor, address(ledger, "/"))
    (cookie,) = visitor.get_cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    visitor.find_element(By.CSS_SELECTOR, "header button").click()
    arrives(visitor, address(ledger, "/login"))
    visitor.get(address(ledger, "/"))
    assert visitor.current_url == address(ledger, "/login")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_shows_the_numbers_of_the_api_and_fits(
    page: Chrome, ledger: Service, size: tuple[int, int], scheme: str
) -> None:
    look(page, size, scheme)
    page.get(address(ledger, "/"))
    api = ledger.client()
    forecast = api.get("/v1/reports/forecast")
    assert same(amount(page, "#spent"), forecast["spent"])
    assert text(page, "#forecast")
    daily, models = last_30_days(ledger, "daily"), last_30_days(ledger, "models")
    assert same(amount(page, "#saved"), daily["totals"]["net"])
    days = {row["day"]: row for row in daily["rows"] if row["row"] == "total"}
    assert same(amount(page, "#today"), days[f"{datetime.now(UTC):%Y-%m-%d}"]["cost"])
    assert text(page, "#unpriced") == str(daily["totals"]["unpriced_requests"]) == "3"
    assert text(page, "#unconfirmed") == str(daily["totals"]["unconfirmed_requests"])
    shown = page.execute_script(
        "return [...document.querySelectorAll('#models tbody tr')].map(row => "
        "[row.dataset.model, row.querySelector('data')?.value, row.cells[2].firstChild.textContent])"
    )
    assert [name for name, _, _ in shown] == [row["model"] for row in models["rows"]]
    for (_, cost, answers), row in zip(shown, models["rows"], strict=True):
        assert answers.replace(",", "") == str(row["requests"])
        assert cost is None if row["cost"] is None else same(cost, row["cost"])
    routes = last_30_days(ledger, "routes")["rows"]
    mix = [one.text.replace(",", "") for one in page.find_elements(By.CSS_SELECTOR, "#mix tbody td:nth-child(2)")]
    assert mix == [
        str(sum(row["requests"] for row in routes if row["backend"] == backend))
        for backend in ("local", "cloud", "cache")
    ]
    assert text(page, "#verdict").startswith(("Routing saved", "Routing lost"))
    assert fits(page)
    background = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 21, 27)"}[scheme]


def fits(chrome: Chrome) -> bool:
    """Nothing has to be pushed sideways to be read, folded out or not."""
    chrome.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    width, inner = chrome.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    return bool(width <= inner)


def test_the_table_beside_the_chart_has_every_day(page: Chrome, ledger: Service) -> None:
    days = [row for row in last_30_days(ledger, "daily")["rows"] if row["row"] == "total"]
    shown = page.execute_script(
        "return [...document.querySelectorAll('#days-table tbody tr')].map(row => "
        "[row.cells[0].textContent, row.querySelector('data').value])"
    )
    assert [day for day, _ in shown] == [row["day"] for row in reversed(days)]
    for (_, cost), row in zip(shown, reversed(days), strict=True):
        assert same(cost, row["cost"])
    assert len(page.find_elements(By.CSS_SELECTOR, "svg.columns g")) == 30


def test_budgets_and_alerts_say_their_state_in_words(page: Chrome, ledger: Service) -> None:
    api = ledger.client()
    shown = [
        (one.get_attribute("data-state"), one.text) for one in page.find_elements(By.CSS_SELECTOR, ".budgets > li")
    ]
    budgets = api.get("/v1/budgets")["budgets"]
    assert len(shown) == len(budgets)
    words = {"ok": "within its limit", "near": "80 % reached", "close": "95 % reached", "spent": "used up"}
    assert words.keys() == {state for state, _ in shown}
    for state, word in words.items():
        assert all(word in said for found, said in shown if found == state)
    messages = [one["message"] for one in api.get("/v1/alerts")["alerts"] if one["kind"] != "catalogue"]
    listed = [one.text for one in page.find_elements(By.CSS_SELECTOR, "ul.alerts > li") if one.is_displayed()]
    assert len(listed) == len(messages)
    for said, message in zip(listed, messages, strict=True):
        assert said.split(maxsplit=1)[0] in ("Critical", "Warning", "Note")
        assert said.endswith(message)


def test_the_latest_requests_are_those_of_the_books(page: Chrome, ledger: Service) -> None:
    api = ledger.client()
    shown = page.execute_script(
        "return [...document.querySelectorAll('.requests tbody tr')].map(row => "
        "[row.cells[1].textContent, row.cells[3].querySelector('data')?.value ?? null])"
    )
    latest: list[dict[str, Any]] = []
    cursor = "0"
    while True:
        found = api.get(f"/v1/entries?after={cursor}&limit=1000")
        if not found["entries"]:
            break
        latest, cursor = (latest + found["entries"])[-20:], found["cursor"]
    assert [model for model, _ in shown] == [one["model"] for one in reversed(latest)]
    for (_, cost), one in zip(shown, reversed(latest), strict=True):
        assert cost is None if one["cost"] is None else same(cost, one["cost"])


def test_it_refreshes_itself_and_stays_where_one_is(page: Chrome, ledger: Service) -> None:
    look(page, PHONE, "light")
    page.find_element(By.ID, "days-summary").click()
    page.execute_script("scrollTo({top: 900, behavior: 'instant'})")
    before, place = amount(page, "#spent"), page.execute_script("return scrollY")
    assert place > 0
    ledger.client().book(entry("while-one-looks", occurred_at=datetime.now(UTC).isoformat()))
    page.execute_script("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to it
    WebDriverWait(page, SECONDS).until(lambda _: amount(page, "#spent") != before)
    assert same(amount(page, "#spent"), ledger.client().get("/v1/reports/forecast")["spent"])
    assert page.execute_script("return scrollY") == place
    assert page.execute_script("return document.getElementById('days-table').open")
    assert page.execute_script("return document.activeElement.id") == "days-summary"


def test_a_refresh_without_the_cookie_leads_to_the_login(page: Chrome, ledger: Service) -> None:
    page.delete_all_cookies()
    page.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    WebDriverWait(page, SECONDS).until(lambda chrome: chrome.current_url == address(ledger, "/login"))


def test_it_asks_nobody_else_and_nothing_is_refused(page: Chrome, ledger: Service) -> None:
    page.get_log("browser")  # type: ignore[no-untyped-call]
    page.get(address(ledger, "/"))
    names = page.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    assert [name for name in names if not name.startswith("data:")] == [address(ledger, "/costs.css")]
    assert page.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_every_picture_and_table_can_be_read_aloud(page: Chrome) -> None:
    script = """
        const named = one => (one.getAttribute('aria-labelledby') ?? '').split(' ')
            .every(id => document.getElementById(id)?.textContent);
        return {
            pictures: [...document.querySelectorAll('svg:not([aria-hidden])')].every(one =>
                one.getAttribute('role') === 'img' && named(one)),
            tables: [...document.querySelectorAll('table')].every(one =>
                one.querySelectorAll('thead th[scope=col]').length > 1),
            sections: [...document.querySelectorAll('section[aria-labelledby]')].every(named),
            ids: [...document.querySelectorAll('[id]')].every((one, at, all) =>
                all.findIndex(other => other.id === one.id) === at),
            language: document.documentElement.lang,
        }
    """
    assert page.execute_script(script) == {
        "pictures": True,
        "tables": True,
        "sections": True,
        "ids": True,
        "language": "en",
    }
