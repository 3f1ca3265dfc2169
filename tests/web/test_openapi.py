"""The description is valid, complete, and what the running server does."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

#: Made-up requests an operation and phase; the seed is fixed, so a run is the same anywhere.
#: How deep: the whole of it takes minutes, and is for `make test-all`.
DEEP = "PAVILION_API_DEEP" in os.environ
EXAMPLES = 6 if DEEP else 3
PHASES = "examples,coverage,fuzzing,stateful" if DEEP else "examples,fuzzing"
#: A run takes about 15 s on a quiet machine.
TIMEOUT_S = 900 if DEEP else 100
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
)  # fmt: skip


async def test_the_description_is_valid_and_names_every_route(site: Any) -> None:
    answer = await site.call("GET", "/api/v1/openapi.json", auth=None)
    document = await answer.json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    contract = Path(__file__).parents[2] / "docs" / "protocol.md"
    table = contract.read_text().split("## 3.")[1].split("## 4.")[0]
    promised = {
        (method, "/api/v1" + path)
        for row in table.splitlines() if row.startswith("| ")
        for method, path in re.findall(r"(GET|POST|PATCH|DELETE) (/[^\s?|]*)", row)
    }  # fmt: skip
    assert len(promised) == 11 and promised <= described
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and operation["operationId"], path


@pytest.mark.timeout(TIMEOUT_S + 20)
async def test_the_server_does_what_the_description_says(site: Any, tmp_path: Path) -> None:
    """Hundreds of made-up requests: no 5xx, nothing that is not described."""
    await site.room(slug="known")
    key = f"Authorization: Bearer {site.services.organiser_key}"
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run",
        f"{site.base}/api/v1/openapi.json", "--header", key,
        "--checks", ",".join(CHECKS), "--phases", PHASES,
        "--max-examples", str(EXAMPLES), "--generation-deterministic",
        "--suppress-health-check", "all", "--request-timeout", "30",
        "--warnings", "off", "--no-color",
        cwd=tmp_path, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
    text = output.decode(errors="replace")
    assert process.returncode == 0, text[-6000:]
    tested = re.search(r"(\d+) generated", text)
    assert tested is not None and int(tested[1]) > 200, text[-2000:]
