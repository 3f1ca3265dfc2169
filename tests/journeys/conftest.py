"""A line to the shared fair that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.journeys.cable import Cable
from tests.pages.serving import CABLE_PORT, Fair, in_one_loop


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    in_one_loop(items, __package__ or "")


@pytest_asyncio.fixture(loop_scope="session")
async def cable(fair: Fair) -> AsyncIterator[Cable]:
    async with Cable(CABLE_PORT, fair.port) as line:
        yield line
