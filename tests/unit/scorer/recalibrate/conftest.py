"""Keeps numpy from spinning on the cores that other tests run on; read when numpy is imported first."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
