"""Schemathesis, a stranger who has only read the interface's description, tries what it allows and what not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cost_ledger.service import TOKEN, running_ledger

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(180)
def test_no_request_makes_a_500_or_an_answer_that_is_not_described(database_url: str, tmp_path: Path) -> None:
    with running_ledger(database_url) as service:
        client = service.client()
        client.call("POST", "/v1/keys", {"name": "ada"})
        url = f"http://127.0.0.1:{service.port}/openapi.json"
        options = ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "10", "--workers", "2"]
        options += ["--seed", "1", "--no-color"]
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--header", f"Authorization: Bearer {TOKEN}"]
        ended = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
        assert client.call("GET", "/readyz")[0] == 200
