"""Which models can be used now: Ollama is asked in the background, the cloud needs its key."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from services.catalog import Catalogue, Model

log = logging.getLogger(__name__)

NO_CLOUD_KEY = "the cloud is not configured: set ANTHROPIC_API_KEY"


@dataclass(frozen=True)
class Availability:
    """At one moment, the reason in words why each model that cannot be used cannot be."""

    unavailable: Mapping[str, str]

    def reason(self, model: Model) -> str | None:
        """Why `model` cannot be used; None when it can."""
        return self.unavailable.get(model.name)


class OllamaUnreachable(Exception):
    """Ollama did not say which models it has; the message says why, without the URL."""


def judge_availability(
    catalogue: Catalogue, tags: Collection[str] | OllamaUnreachable, *, cloud_key: bool
) -> Availability:
    """Which models of the catalogue can be used, from the tags that Ollama has, or its failure."""
    known = tags if isinstance(tags, OllamaUnreachable) else {canonical_tag(tag) for tag in tags}
    unavailable = {}
    for model in catalogue.models:
        if not model.is_local:
            reason = None if cloud_key else NO_CLOUD_KEY
        elif isinstance(known, OllamaUnreachable):
            reason = str(known)
        else:
            missing = canonical_tag(model.model_id) not in known
            reason = f"Ollama does not have it: run 'ollama pull {model.model_id}'" if missing else None
        if reason is not None:
            unavailable[model.name] = reason
    return Availability(unavailable)


def canonical_tag(name: str) -> str:
    """A model's name as Ollama compares it: `phi`, `library/phi` and `PHI:latest` are the same."""
    name = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def fetch_tags(session: requests.Session, url: str, timeout: float) -> list[str]:
    """The tags that Ollama has; raises OllamaUnreachable when it does not say within `timeout` seconds."""
    try:
        with session.get(f"{url}/api/tags", timeout=timeout, allow_redirects=False) as response:
            if response.status_code != 200:
                raise OllamaUnreachable(f"Ollama answers with status {response.status_code}")
            return _names(response.json())
    except requests.Timeout:
        raise OllamaUnreachable(f"Ollama does not answer within {timeout:g} seconds") from None
    except requests.exceptions.JSONDecodeError:
        raise OllamaUnreachable("what answers at OLLAMA_URL is not Ollama") from None
    except requests.RequestException:
        raise OllamaUnreachable("Ollama cannot be reached at OLLAMA_URL") from None


def _names(body: Any) -> list[str]:
    try:
        return [str(entry["name"]) for entry in body["models"] or ()]
    except (TypeError, KeyError):
        raise OllamaUnreachable("what answers at OLLAMA_URL is not Ollama") from None


class AvailabilityWatch:
    """Asks Ollama every `every` seconds, in a thread that ends with the process."""

    def __init__(
        self,
        catalogue: Catalogue,
        url: str,
        *,
        cloud_key: bool,
        every: float = 5.0,
        timeout: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cloud_key` is only whether there is one; `every` and `timeout` are in seconds."""
        self._catalogue = catalogue
        self._url = url
        self._cloud_key = cloud_key
        self._every = every
        self._timeout = timeout
        self._monotonic = monotonic
        # A server that sends its answer byte by byte is within every timeout of a read.
        self._stale_after = every + 4 * timeout
        self._polled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ollama-poll", daemon=True)
        self._problem: str | None = None
        self._keep(OllamaUnreachable("Ollama has not answered yet"))

    def start(self) -> None:
        """Begin to ask, and wait for the first answer no longer than the timeout."""
        self._thread.start()
        self._polled.wait(self._timeout)

    def current(self) -> Availability:
        """What is known now; costs no call."""
        if self._monotonic() - self._kept_at > self._stale_after:
            self._keep(OllamaUnreachable("Ollama has not finished an answer for a while"))
        return self._current

    def problem(self) -> str | None:
        """Why Ollama cannot be used; None when it answers."""
        self.current()
        return self._problem

    def _run(self) -> None:
        with requests.Session() as session:
            # Ollama is on this machine or beside it: no proxy, no .netrc.
            session.trust_env = False
            while True:
                try:
                    self._keep(fetch_tags(session, self._url, self._timeout))
                except OllamaUnreachable as unreachable:
                    self._keep(unreachable)
                self._polled.set()
                time.sleep(self._every)

    def _keep(self, tags: Collection[str] | OllamaUnreachable) -> None:
        problem = str(tags) if isinstance(tags, OllamaUnreachable) else None
        if self._polled.is_set() and problem != self._problem:
            log.warning("ollama: %s", problem) if problem else log.info("ollama: answers again")
        self._problem = problem
        self._current = judge_availability(self._catalogue, tags, cloud_key=self._cloud_key)
        self._kept_at = self._monotonic()
