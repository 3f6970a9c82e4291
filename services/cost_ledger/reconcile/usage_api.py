"""The usage report of Anthropic's Admin API: GET /v1/organizations/usage_report/messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.catalog import Catalogue
from services.cost_ledger.reconcile.books import NO_MODEL, Books, Figures, add_up
from services.runtime import ConfigError, Env

NAME = "usage report"
DEFAULT_URL = "https://api.anthropic.com"
_PATH = "/v1/organizations/usage_report/messages"
_VERSION = "2023-06-01"  # the one that this report is documented for
_DAYS_A_PAGE = 31
_MOST_PAGES = 1000


class UsageUnavailable(Exception):
    """The usage report cannot be had; the message says why, without the key."""


@dataclass(frozen=True)
class UsageApi:
    """Where the report is, the Admin key that opens it, and how long an answer is waited for, how many times more."""

    key: str = field(repr=False)
    url: str = DEFAULT_URL
    retries: int = 2
    seconds: float = 30.0

    @classmethod
    def from_env(cls, env: Env) -> UsageApi:
        """Read ANTHROPIC_ADMIN_KEY and ANTHROPIC_BASE_URL."""
        url = env.url("ANTHROPIC_BASE_URL", DEFAULT_URL)
        key = env.text("ANTHROPIC_ADMIN_KEY")
        if not (key.isascii() and key.isprintable()):
            raise ConfigError("ANTHROPIC_ADMIN_KEY", "has characters that no key has")
        return cls(key, url)

    def read(self, first: date, last: date, catalogue: Catalogue) -> Books:
        """The books of the days from `first` to `last`; UsageUnavailable when they cannot be had."""
        rows = [row for bucket in self._buckets(first, last) for row in _rows(bucket)]
        return Books(NAME, first, last, add_up(rows, catalogue), has_cost=False)

    def _buckets(self, first: date, last: date) -> Iterator[Any]:
        query: dict[str, Any] = {
            "starting_at": _midnight(first),
            "ending_at": _midnight(last + timedelta(days=1)),
            "bucket_width": "1d",
            "group_by": ["model"],
            "limit": _DAYS_A_PAGE,
        }
        for _ in range(_MOST_PAGES):
            page = self._get(query)
            yield from _field(page, "data", list)
            if not _field(page, "has_more", bool):
                return
            token = _field(page, "next_page", str)
            if token == query.get("page"):
                break
            query["page"] = token
        raise UsageUnavailable("Anthropic's usage report does not come to an end: its pages repeat")

    def _get(self, query: Mapping[str, Any]) -> Any:
        import anthropic  # takes a second, which other commands need not wait

        headers: dict[str, str | anthropic.Omit] = {
            "X-Api-Key": self.key,
            "Authorization": anthropic.Omit(),
            "anthropic-version": _VERSION,
        }
        options: anthropic.RequestOptions = {"params": query, "headers": headers}
        try:
            with anthropic.Anthropic(
                api_key=self.key, base_url=self.url, timeout=self.seconds, max_retries=self.retries
            ) as client:
                return client.get(_PATH, cast_to=object, options=options)
        except anthropic.APITimeoutError:
            raise UsageUnavailable(f"{self.url} did not answer within {self.seconds:g} seconds") from None
        except anthropic.APIConnectionError:
            raise UsageUnavailable(f"{self.url} cannot be reached") from None
        except anthropic.APIStatusError as error:
            raise UsageUnavailable(_refusal(error.status_code)) from None
        except ValueError:  # no JSON, though the answer says so
            raise _unlike("it is not JSON") from None


def _refusal(status: int) -> str:
    if status in (401, 403):
        return (
            f"Anthropic refused ANTHROPIC_ADMIN_KEY ({status}): it must be an Admin API key, which begins with "
            "sk-ant-admin; an owner of the organisation makes one in the Claude Console"
        )
    if status == 429:
        return "Anthropic is asked too often (429): try again in a minute"
    if status >= 500:
        return f"Anthropic's usage report fails at the moment ({status}): try again later"
    return f"Anthropic refused the request for the usage report ({status})"


def _rows(bucket: Any) -> Iterator[tuple[date, str, Figures]]:
    try:
        day = datetime.fromisoformat(_field(bucket, "starting_at", str)).astimezone(UTC).date()
    except ValueError:
        raise _unlike("starting_at is not a time") from None
    for result in _field(bucket, "results", list):
        written = _field(result, "cache_creation", dict)
        model = result.get("model")
        yield (
            day,
            model if isinstance(model, str) else NO_MODEL,
            Figures(
                input=_field(result, "uncached_input_tokens", int),
                output=_field(result, "output_tokens", int),
                cache_read=_field(result, "cache_read_input_tokens", int),
                cache_write_5m=_field(written, "ephemeral_5m_input_tokens", int),
                cache_write_1h=_field(written, "ephemeral_1h_input_tokens", int),
            ),
        )


def _field(document: Any, name: str, kind: type) -> Any:
    value = document.get(name) if isinstance(document, dict) else None
    if type(value) is not kind:
        raise _unlike(f"{name} is missing, or of another type")
    return value


def _unlike(problem: str) -> UsageUnavailable:
    return UsageUnavailable(f"the answer is not like Anthropic's usage report: {problem}")


def _midnight(day: date) -> str:
    return datetime.combine(day, time()).isoformat() + "Z"
