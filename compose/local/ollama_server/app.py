"""The routes of Ollama's API, over one loaded model."""

import itertools
import json
import logging
import resource
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from .answering import Answerer
from .card import ModelCard
from .errors import ClientGoneError, ForbiddenError, ModelNotFoundError, OllamaError
from .wire import Ask, answer_loaded, model_name, parse_body, parse_chat, parse_generate

log = logging.getLogger(__name__)

# The level of Ollama's API that is served, so that clients which look at the version do not turn back.
VERSION = "0.12.0+xllamacpp"
LARGEST_BODY = 16 * 1024 * 1024
# A page in a browser may reach a loopback port: only these names are taken in Host and Origin, as by Ollama.
LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", "127.0.0.1", "[::1]")


def create_app(card: ModelCard, answerer: Answerer, *, local_only: bool = True) -> Flask:
    """The WSGI application; `local_only` refuses foreign Host and Origin headers."""
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    if local_only:
        app.config["TRUSTED_HOSTS"] = [*LOCAL_NAMES, socket.gethostname()]
        app.before_request(_refuse_foreign_pages)
    _add_error_handlers(app)
    _add_model_routes(app, card)
    _add_answer_routes(app, card, answerer)
    return app


def _add_model_routes(app: Flask, card: ModelCard) -> None:
    @app.get("/")
    def root() -> ResponseReturnValue:
        return Response("Ollama is running", content_type="text/plain; charset=utf-8")

    @app.get("/api/version")
    def version() -> ResponseReturnValue:
        return jsonify(version=VERSION)

    @app.get("/api/tags")
    def tags() -> ResponseReturnValue:
        return jsonify(models=[card.listed()])

    @app.get("/api/ps")
    def ps() -> ResponseReturnValue:
        return jsonify(models=[card.running(_peak_memory())])

    @app.post("/api/show")
    def show() -> ResponseReturnValue:
        _known(card, model_name(parse_body(request.get_data()), "model", "name"))
        return jsonify(card.shown())


def _add_answer_routes(app: Flask, card: ModelCard, answerer: Answerer) -> None:
    def respond(parse: Callable[[dict[str, object]], Ask]) -> ResponseReturnValue:
        body = parse_body(request.get_data())
        _known(card, model_name(body, "model"))
        ask = parse(body)
        client_gone = request.environ.get("waitress.client_disconnected", lambda: False)
        if ask.empty:
            return jsonify(answer_loaded(ask))
        if not ask.stream:
            return jsonify(answerer.whole(ask, client_gone))
        return _stream(answerer.lines(ask, client_gone))

    @app.post("/api/chat")
    def chat() -> ResponseReturnValue:
        return respond(parse_chat)

    @app.post("/api/generate")
    def generate() -> ResponseReturnValue:
        return respond(parse_generate)


def _known(card: ModelCard, name: str) -> None:
    if not card.matches(name):
        raise ModelNotFoundError(name)


def _stream(documents: Generator[dict[str, object], None, None]) -> Response:
    """An NDJSON response that begins with the first document, so an early failure keeps its status."""
    first = next(documents)
    response = Response(_ndjson(itertools.chain([first], documents)), content_type="application/x-ndjson")
    response.call_on_close(documents.close)
    return response


def _ndjson(documents: Iterator[dict[str, object]]) -> Iterator[bytes]:
    try:
        for document in documents:
            yield _line(document)
    except ClientGoneError:
        log.info("the client went away; its generation was cancelled")
    except OllamaError as error:
        yield _line({"error": str(error)})


def _line(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _refuse_foreign_pages() -> None:
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ForbiddenError


def _peak_memory() -> int:
    """The most memory this process has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _add_error_handlers(app: Flask) -> None:
    @app.errorhandler(OllamaError)
    def refused(error: OllamaError) -> ResponseReturnValue:
        return jsonify(error=str(error)), error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        reason = f"{request.path} is not served here" if error.code == 404 else error.description
        return jsonify(error=f"{error.code} {error.name}: {reason}"), error.code or OllamaError.status

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> ResponseReturnValue:
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return jsonify(error="internal error"), OllamaError.status
