"""The cost page over HTTP: the page, its stylesheet, and the way in and out."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import cast

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from services.cost_ledger.config import Config
from services.cost_ledger.errors import LedgerUnavailable
from services.cost_ledger.ledger import Ledger
from services.cost_ledger.page.access import COOKIE, VALID, Access
from services.cost_ledger.page.read import read_page
from services.cost_ledger.spending import Spending
from services.runtime.errors import Unauthorized

page_routes = Blueprint("page", __name__, template_folder="templates")

OPEN_PATHS = frozenset({"/", "/login", "/logout", "/costs.css"})
"""What the service token is not asked for: the page checks by itself, the rest has no figures."""

_STYLE = (Path(__file__).parent / "static" / "costs.css").read_bytes()
_POLICY = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'"


@page_routes.get("/")
def costs() -> BaseResponse:
    """The page with the costs, or the way to the login."""
    if not _may_enter():
        return _private(redirect("/login", 303))
    ledger = cast(Ledger, current_app.extensions["cost_ledger"])
    spending = cast(Spending, current_app.extensions["spending"])
    config = cast(Config, current_app.config["LEDGER"])
    page = read_page(ledger, spending, config.machine_cost_monthly)
    nonce = secrets.token_urlsafe(16)
    html = render_template("costs.html", page=page, nonce=nonce, gateway=config.gateway_url)
    return _private(make_response(html), f"; script-src 'nonce-{nonce}'; connect-src 'self'")


@page_routes.get("/login")
def ask_token() -> BaseResponse:
    """The form for the service token."""
    return _private(make_response(render_template("login.html", problem=None)))


@page_routes.post("/login")
def log_in() -> BaseResponse:
    """Take the service token and give a cookie for it: 303 to the page, or 401 with the form."""
    access = _access()
    if not access.knows_token(request.form.get("token", "").strip()):
        problem = "This is not the service token. ./deploy-all.sh costs prints the right one."
        return _private(make_response(render_template("login.html", problem=problem), 401))
    response = redirect("/", 303)
    # A proxy in front may have taken the TLS off. Whoever only pretends gets a cookie that browsers send less often.
    is_secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        COOKIE, access.issue(), max_age=VALID, path="/", secure=is_secure, httponly=True, samesite="Strict"
    )
    return _private(response)


@page_routes.post("/logout")
def log_out() -> BaseResponse:
    """Forget the cookie. Another site's form brings none along, so that it cannot log anybody out."""
    response = redirect("/login", 303)
    if COOKIE in request.cookies:
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
    return _private(response)


@page_routes.get("/costs.css")
def style() -> Response:
    """The stylesheet."""
    response = Response(_STYLE, content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "max-age=300"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@page_routes.errorhandler(LedgerUnavailable)
def unavailable(error: LedgerUnavailable) -> BaseResponse:
    """Say in the page's own words that the database is away."""
    return _private(make_response(render_template("unavailable.html", message=error.message), error.status))


def _access() -> Access:
    config = cast(Config, current_app.config["LEDGER"])
    return Access(config.service.service_token, cast(Ledger, current_app.extensions["cost_ledger"]).clock)


def _may_enter() -> bool:
    """Whether the request has the token or a cookie; Unauthorized when it has a wrong token."""
    access, header = _access(), request.headers.get("Authorization")
    if header is None:
        return access.knows_cookie(request.cookies.get(COOKIE, ""))
    if not access.knows_header(header):
        raise Unauthorized
    return True


def _private(response: BaseResponse, more: str = "") -> BaseResponse:
    response.headers["Content-Security-Policy"] = f"{_POLICY}; frame-ancestors 'none'{more}"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
