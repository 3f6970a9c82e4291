"""The configuration files of the store: ours, and one that the user may change."""

from __future__ import annotations

import shlex
from pathlib import Path

from services.tw_bridge.decisions import PROJECT

UDAS = {
    "model": ("string", "Model"),
    "backend": ("string", "Backend"),
    "cost": ("numeric", "USD"),
    "complexity": ("numeric", "Complexity"),
    "tokens_in": ("numeric", "Tokens in"),
    "tokens_out": ("numeric", "Tokens out"),
    "latency": ("numeric", "Seconds"),
    "request_id": ("string", "Request"),
}
"""The attributes of decisions that are not Taskwarrior's own: type and label."""

_DEFINITIONS = """\
# Attributes and reports of the Hybrid AI Stack. The bridge writes this file: changes do not stay.
# To have them in a configuration of your own, add this line to it:
#   include {path}
{udas}
# Decisions are completed tasks, so that ten thousand of them slow nothing down; 'list' shows them too.
report.list.filter=(status:pending -WAITING) or (status:completed project:{project})
report.list.sort=start-,due+,project+,urgency-,entry+
"""

_TASKRC = """\
# Taskwarrior on the store of the Hybrid AI Stack. Yours to change; the bridge writes it only once.
#   task rc:{quoted} project:{project} list
# or, for all commands of a terminal: export TASKRC={quoted}
# Whoever changes tasks here takes the lock first, or tasks get lost:
#   flock {lock} task rc:{quoted} add ...
data.location={store}
confirmation=off
include {definitions}
"""


def definitions(path: Path) -> str:
    """The text of the file with UDAs and reports, which is safe to include anywhere; `path` is its own."""
    udas = "\n".join(f"uda.{name}.type={kind}\nuda.{name}.label={label}\n" for name, (kind, label) in UDAS.items())
    return _DEFINITIONS.format(path=path, udas=udas, project=PROJECT)


def taskrc(path: Path, *, store: Path, definitions: Path, lock: Path) -> str:
    """The text of a whole configuration for the store, to be used as `task rc:PATH`."""
    quoted, quoted_lock = shlex.quote(str(path)), shlex.quote(str(lock))
    return _TASKRC.format(quoted=quoted, lock=quoted_lock, store=store, definitions=definitions, project=PROJECT)
