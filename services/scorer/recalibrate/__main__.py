"""Learn from one's own traffic: propose a tuning of the scorer, and with --apply put it into force.

Exit status: 0 when there is a result, 1 when --apply was refused by the requests held back or something
failed, 2 when there is too little to learn from, or an argument or a setting is wrong.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # numpy's threads wait by spinning, and would take the cores from what serves requests. Read at its import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from services.scorer.recalibrate.command import main

    sys.exit(main())
