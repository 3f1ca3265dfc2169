"""Fixtures of the process tests; what they start is in running.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.running import DEADLINE_S, Pavilion, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts commands and ends them all after the test."""
    running: list[Pavilion] = []

    def begin(*arguments: str, data: Path | None = None, **settings: Any) -> Pavilion:
        running.append(Pavilion(data or tmp_path / "data", *arguments, **settings))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(DEADLINE_S)
