"""LiteLLM's proxy to compare with: installed in a folder of its own, one worker, on loopback only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.gateway.children import child

PINNED = "litellm[proxy]==1.81.14"
MODEL, KEY = "bench", "sk-bench"
_INSTALL_SECONDS = 900
_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params: {{model: openai/{model}, api_base: "{upstream}/v1", api_key: none}}
litellm_settings:
  cache: true
  cache_params: {{type: local, mode: default_off}}
general_settings: {{master_key: {key}}}
"""


class NotInstalled(Exception):
    """LiteLLM cannot be installed; the message says why."""


def install_litellm(folder: Path) -> Path:
    """The program in `folder`, installed there when it is not yet; NotInstalled says what went wrong."""
    program, stamp = folder / "bin" / "litellm", folder / "installed"
    if stamp.exists() and stamp.read_text("utf-8") == PINNED:
        return program
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, "--quiet", PINNED]):
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(f"{PINNED} cannot be installed into {folder}: {error}") from None
        if result.returncode != 0:
            words = (result.stdout + result.stderr).strip()[-500:]
            raise NotInstalled(f"{PINNED} cannot be installed into {folder}:\n{words}")
    stamp.write_text(PINNED, "utf-8")
    return program


@contextmanager
def litellm_proxy(program: Path, folder: Path, port: int, upstream: str) -> Iterator[subprocess.Popen[bytes]]:
    """The proxy before the upstream's OpenAI dialect; it asks nobody else, and ends with the block."""
    config = folder / "litellm.yaml"
    config.write_text(_CONFIG.format(model=MODEL, key=KEY, upstream=upstream), "utf-8")
    listen = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    command = [str(program), "--config", str(config), *listen, "--telemetry", "False"]
    # Its price list comes from the package, not from the network.
    env = {"PATH": os.defpath, "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with child(command, f"http://127.0.0.1:{port}/health/liveliness", seconds=120, env=env, cwd=folder) as process:
        yield process
