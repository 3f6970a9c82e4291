"""The way in to the cost page: the token, the cookie, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.cost_ledger.app import create_app
from services.cost_ledger.config import Config
from services.cost_ledger.page.access import COOKIE, Access
from services.runtime import ServiceConfig
from tests.unit.cost_ledger.ledger_fakes import FakeStore

TOKEN = "a-token-for-tests"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def browser(store: FakeStore, clock: Clock) -> Iterator[FlaskClient]:
    """A client that has no token, only the cookies that it gets."""
    service = ServiceConfig(host="127.0.0.1", port=1, service_token=TOKEN, log_level="INFO", threads=1)
    app = create_app(Config(service, "postgresql://nowhere"), store=store, clock=clock)  # type: ignore[arg-type]
    with app.test_client() as client:
        yield client


def log_in(browser: FlaskClient, token: str = TOKEN, **options: str) -> TestResponse:
    return browser.post("/login", data={"token": token}, **options)


def test_without_token_or_cookie_the_page_leads_to_the_login(browser: FlaskClient) -> None:
    response = browser.get("/")
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    form = browser.get("/login")
    assert form.status_code == 200
    assert 'name="token"' in form.get_data(as_text=True)


def test_the_token_gives_a_cookie_that_opens_the_page(browser: FlaskClient) -> None:
    response = log_in(browser, f" {TOKEN}\n")  # as it is pasted
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    cookie = response.headers["Set-Cookie"]
    for attribute in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"):
        assert attribute in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    page = browser.get("/")
    assert page.status_code == 200
    assert "Nothing has been asked yet" in page.get_data(as_text=True)


def test_over_https_the_cookie_is_secure(browser: FlaskClient) -> None:
    assert "Secure" in log_in(browser, base_url="https://localhost").headers["Set-Cookie"]
    behind_proxy = browser.post("/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in behind_proxy.headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "\N{GRINNING FACE}", "ä" * 17])
def test_a_wrong_token_is_401_with_the_form_and_a_sentence(browser: FlaskClient, token: str) -> None:
    response = log_in(browser, token)
    text = response.get_data(as_text=True)
    assert response.status_code == 401
    assert "This is not the service token." in text
    assert 'name="token"' in text
    assert "Set-Cookie" not in response.headers
    assert not token or token not in text


def test_a_login_without_a_form_is_401(browser: FlaskClient) -> None:
    assert browser.post("/login", json={"token": TOKEN}).status_code == 401


def test_the_bearer_token_opens_the_page_and_a_wrong_one_is_401(browser: FlaskClient) -> None:
    assert browser.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    response = browser.get("/", headers={"Authorization": "Bearer wrong"})
    assert (response.status_code, response.get_json()["error"]["code"]) == (401, "unauthorized")


def test_the_cookie_ends_after_30_days(browser: FlaskClient, clock: Clock) -> None:
    log_in(browser)
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    clock.now = NOW + timedelta(days=30)
    browser.set_cookie(COOKIE, cookie.value)
    assert browser.get("/").status_code == 200
    clock.now += timedelta(seconds=1)
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1], lambda text: "x" + text, lambda text: "", lambda text: "a.b.c"]
)
def test_a_cookie_that_was_changed_opens_nothing(browser: FlaskClient, change: object) -> None:
    text = Access(TOKEN, lambda: NOW).issue()
    browser.set_cookie(COOKIE, change(text))  # type: ignore[operator]
    assert browser.get("/").status_code == 303


def test_a_cookie_of_another_token_or_of_the_future_opens_nothing() -> None:
    access = Access(TOKEN, lambda: NOW)
    assert access.knows_cookie(access.issue())
    assert not access.knows_cookie(Access("another-token-of-tests", lambda: NOW).issue())
    assert not access.knows_cookie(Access(TOKEN, lambda: NOW + timedelta(hours=1)).issue())


@pytest.mark.parametrize("path", ["/v1/stats", "/v1/alerts", "/v1/entries", "/v1/reports/daily", "/v1/keys"])
def test_the_cookie_opens_no_api(browser: FlaskClient, path: str) -> None:
    log_in(browser)
    assert browser.get(path).status_code == 401


def test_logging_out_forgets_the_cookie(browser: FlaskClient) -> None:
    log_in(browser)
    response = browser.post("/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert browser.get_cookie(COOKIE) is None
    assert browser.get("/").status_code == 303


def test_a_logout_that_brings_no_cookie_changes_nothing(browser: FlaskClient) -> None:
    assert "Set-Cookie" not in browser.post("/logout").headers
    assert browser.get("/logout").status_code == 405


def test_nothing_but_its_own_style_and_one_script_may_run(browser: FlaskClient) -> None:
    log_in(browser)
    first, second = browser.get("/"), browser.get("/")
    policy = first.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src data:; form-action 'self';")
    assert "unsafe" not in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    text = first.get_data(as_text=True)
    assert text.count("<script") == text.count(f'<script nonce="{nonce}"') == 1
    assert nonce not in second.headers["Content-Security-Policy"]
    assert "style=" not in text
    for response in (first, browser.get("/login"), log_in(browser, "wrong")):
        assert response.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert "script-src" not in browser.get("/login").headers["Content-Security-Policy"]


def test_the_page_asks_no_other_place_for_anything(browser: FlaskClient) -> None:
    log_in(browser)
    for path in ("/", "/login", "/costs.css"):
        text = browser.get(path).get_data(as_text=True)
        links = text.replace("http://www.w3.org/2000/svg", "").replace("http://localhost:8080/api/v1/chat", "")
        assert "http:" not in links
        assert "https:" not in links
        assert "//" not in links.replace("://", "")


def test_an_empty_ledger_shows_how_to_make_the_first_entry(browser: FlaskClient) -> None:
    log_in(browser)
    text = browser.get("/").get_data(as_text=True)
    assert "curl -X POST http://localhost:8080/api/v1/chat" in text
    assert "Nothing needs attention." in text
    assert "No budget is set." in text


def test_while_the_database_is_away_the_page_says_so(browser: FlaskClient, store: FakeStore) -> None:
    log_in(browser)
    store.away = True
    response = browser.get("/")
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert "The books cannot be read at the moment." in response.get_data(as_text=True)
