"""How fast entries become tasks: `python -m tests.integration.tw_bridge.measure [ENTRIES]`.

The real bridge and the real Taskwarrior in a throw-away store, and a ledger's pages over loopback HTTP.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.tw_bridge.service import Ledger, Store, bridge_environment, make_entry, running_bridge


def main(count: int) -> None:
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store")
        ledger.entries = [make_entry(number) for number in range(count)]
        with running_bridge(bridge_environment(ledger, path)) as bridge:
            for what, more in (("all", 0), ("none", 0), ("100 new", 100)):
                ledger.entries += [make_entry(len(ledger.entries) + number) for number in range(more)]
                started = time.perf_counter()
                added = bridge.sync(timeout=900).json()["imported"]
                print(
                    f"sync ({what}) of a ledger with {len(ledger.entries)} entries: "
                    f"{added} tasks in {time.perf_counter() - started:.2f} s"
                )
            store = Store(path)
            started = time.perf_counter()
            shown = store.count("project:vps_ai.router")
            print(f"task project:vps_ai.router count: {shown} in {time.perf_counter() - started:.2f} s")
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"CPU of all of it: {usage.ru_utime + usage.ru_stime:.1f} s; largest process {usage.ru_maxrss // 1024} MB"
        )
    ledger.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
