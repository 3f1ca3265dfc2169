"""One hub, or two, on the session's Valkey; every client is closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.driver import Hub, make_config, serving


@pytest.fixture
async def hub(valkey_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    config = await make_config(valkey_url, tmp_path)
    async with serving(config, "hub-a") as found:
        yield found


@pytest.fixture
async def two(valkey_url: str, tmp_path: Path) -> AsyncIterator[tuple[Hub, Hub]]:
    """Two hub workers of one fair: the same Valkey and database, nothing else shared."""
    config = await make_config(valkey_url, tmp_path)
    async with serving(config, "hub-a") as one, serving(config, "hub-b") as other:
        yield one, other


@pytest.fixture(params=["one hub", "two hubs"])
async def pair(
    request: pytest.FixtureRequest, valkey_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Hub, Hub]]:
    """The same journey on one hub and across two."""
    config = await make_config(valkey_url, tmp_path)
    async with serving(config, "hub-a") as one:
        if request.param == "one hub":
            yield one, one
        else:
            async with serving(config, "hub-b") as other:
                yield one, other
