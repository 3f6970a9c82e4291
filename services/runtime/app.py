"""The Flask application that every service starts from."""

from __future__ import annotations

import hmac
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from werkzeug.exceptions import HTTPException

from services.runtime.config import ServiceConfig
from services.runtime.errors import ApiError, Unauthorized
from services.runtime.logs import request_id

log = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""A dependency check for /readyz: None when it is well, else one sentence on what is wrong."""

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_MAX_BODY_BYTES = 32 * 1024 * 1024


def create_service_app(
    name: str,
    config: ServiceConfig,
    routes: Blueprint,
    *,
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    registry: CollectorRegistry | None = None,
    open_paths: frozenset[str] = frozenset(),
) -> Flask:
    """A Flask app with `routes` behind the service token, and health, metrics and errors in place.

    `required` dependencies make /readyz answer 503 when they fail; `optional` ones are only
    reported as warnings. `registry` carries the service's own metrics beside the HTTP ones.
    """
    app = Flask(name)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(routes)
    metrics = registry or CollectorRegistry()
    _watch_requests(app, metrics)
    _require_token(app, config.service_token, _OPEN_PATHS | open_paths)
    _shape_errors(app)
    _add_health(app, metrics, required or {}, optional or {})
    return app


def _watch_requests(app: Flask, registry: CollectorRegistry) -> None:
    seconds = Histogram(
        "http_request_duration_seconds", "Time to answer, in seconds.", ["route", "method"], registry=registry
    )
    total = Counter("http_requests_total", "Requests answered.", ["route", "method", "status"], registry=registry)

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        request_id.set(request.headers.get("X-Request-ID", "")[:128] or str(uuid.uuid4()))

    @app.after_request
    def finish(response: Response) -> Response:
        # The rule, not the path: a label per path would grow without bound.
        route = request.url_rule.rule if request.url_rule else "none"
        duration = time.perf_counter() - g.started
        seconds.labels(route, request.method).observe(duration)
        total.labels(route, request.method, response.status_code).inc()
        response.headers["X-Request-ID"] = request_id.get() or ""
        if log.isEnabledFor(logging.DEBUG):
            fields = {"method": request.method, "route": route, "status": response.status_code, "seconds": duration}
            log.debug("request", extra=fields)
        return response


def _require_token(app: Flask, token: str, open_paths: frozenset[str]) -> None:
    expected = f"Bearer {token}".encode()

    @app.before_request
    def check_token() -> None:
        if request.path in open_paths:
            return
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected):
            raise Unauthorized


def _shape_errors(app: Flask) -> None:
    @app.errorhandler(ApiError)
    def known(error: ApiError) -> tuple[dict[str, Any], int]:
        return error.body(), error.status

    @app.errorhandler(HTTPException)
    def from_flask(error: HTTPException) -> tuple[dict[str, Any], int]:
        code = (error.name or "error").lower().replace(" ", "_")
        status = error.code or 500
        return ApiError(error.description or error.name, code=code).body(), status

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> tuple[dict[str, Any], int]:
        log.exception("unexpected error", exc_info=error)
        return ApiError("An unexpected error; the service's log has it under this request's id.").body(), 500


def _add_health(
    app: Flask, registry: CollectorRegistry, required: Mapping[str, Check], optional: Mapping[str, Check]
) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        problems = {part: problem for part, check in required.items() if (problem := check())}
        warnings = {part: problem for part, check in optional.items() if (problem := check())}
        status = "unavailable" if problems else "degraded" if warnings else "ok"
        return jsonify(status=status, problems=problems, warnings=warnings), 503 if problems else 200

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
