"""Books as they look after 40 days of use: `fill(client, now)`. The same for the same moment."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from tests.integration.cost_ledger.service import Client

DAYS = 40
_MODELS = (  # name, backend, tier, weight, mean output tokens
    ("tinyllama", "local", "small", 40, 180),
    ("phi2", "local", "medium", 22, 260),
    ("claude-haiku", "cloud", "cloud", 12, 420),
    ("claude-sonnet", "cloud", "cloud", 16, 900),
    ("claude-opus", "cloud", "cloud", 5, 1400),
    ("claude-sonnet", "cache", "cloud", 8, 500),
)
_USERS = ("ada", "grace", "linus", None)
_TAGS: tuple[list[str], ...] = (["support"], ["support", "urgent"], ["search"], ["nightly"], [])


def fill(client: Client, now: datetime, per_day: int = 60) -> None:
    """Some dozens of requests a day from 40 days ago until now, budgets in every state, and what is not certain."""
    dice = random.Random(7)  # noqa: S311  - no secret
    keys = [
        client.call("POST", "/v1/keys", {"name": name})[1]["id"] for name in ("website", "batch jobs", "ada's laptop")
    ]
    entries = []
    for back in range(DAYS, -1, -1):
        day = (now - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        busy = 0.35 if day.weekday() >= 5 else 1.0
        for number in range(int(per_day * busy * dice.uniform(0.7, 1.3))):
            moment = day + timedelta(seconds=dice.uniform(0, 86_399))
            if moment < now:
                entries.append(_entry(dice, f"sample-{back}-{number}", moment, dice.choice(keys)))
    entries.sort(key=lambda entry: entry["occurred_at"])
    entries += [
        _entry(dice, f"unpriced-{number}", now - timedelta(minutes=number), keys[0])
        | {"model": "claude-next-9", "backend": "cloud", "tier": "cloud"}
        for number in range(1, 4)
    ]
    entries += [  # so that budgets have spent something on the first day of a month, too
        _entry(dice, "just-now-1", now, keys[1])
        | {"model": "claude-sonnet", "backend": "cloud", "tier": "cloud", "usage": {"output_tokens": 20_000}}
        | {"status": "ok", "error_code": None, "user": "ada", "tags": ["support"]},
        _entry(dice, "just-now-2", now, keys[1])
        | {"model": "claude-opus", "backend": "cloud", "tier": "cloud", "usage": {"output_tokens": 20_000}}
        | {"status": "ok", "error_code": None, "user": "grace", "tags": ["search"]},
    ]
    for start in range(0, len(entries), 500):
        client.book(*entries[start : start + 500])
    _set_budgets(client)


def _entry(dice: random.Random, request_id: str, moment: datetime, key_id: str) -> dict[str, Any]:
    model, backend, tier, _, output = dice.choices(_MODELS, [one[3] for one in _MODELS])[0]
    fails = dice.random() < 0.02
    tokens = int(dice.lognormvariate(8.4, 1.0))
    usage = {"input_tokens": tokens, "output_tokens": 0 if fails else int(4 * output * dice.uniform(0.3, 1.9))}
    if backend == "cloud" and dice.random() < 0.3:
        usage["cache_read_tokens"] = 4 * tokens
    return {
        "request_id": request_id,
        "occurred_at": moment.isoformat(),
        "model": model,
        "backend": backend,
        "status": "error" if fails else "ok",
        "usage": usage,
        "latency_seconds": round(0.004 if backend == "cache" else dice.lognormvariate(0.4, 0.7), 3),
        "tier": tier,
        "complexity": round(dice.random(), 3),
        "key_id": key_id,
        "user": dice.choice(_USERS),
        "tags": dice.choice(_TAGS),
        "dialect": "openai",
        "error_code": "overloaded" if fails else None,
    }


def _set_budgets(client: Client) -> None:
    """A budget at about 40 % of its limit, one at 85 and one used up, from what was spent by now."""
    wanted = {("user", "ada"): 0.40, ("user", "grace"): 0.855, ("tag", "support"): 1.0, ("model", "claude-opus"): 0.96}
    for (scope, subject), share in wanted.items():
        body = {"scope": scope, "subject": subject, "period": "monthly", "limit": "1000.00", "mode": "soft"}
        _, budget = client.call("PUT", "/v1/budgets", body)
        limit = max(float(budget["spent"]) / share, 0.01)
        status, _ = client.call("PUT", "/v1/budgets", body | {"limit": f"{limit:.3f}"[:-1]})
        assert status == 200
