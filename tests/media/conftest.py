"""A media worker in this process and a hub's client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.media.client import open_media
from hub.media.worker import Worker
from tests.media.driver import SECRET, First, Stage, config_in


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    config = config_in(tmp_path)
    worker = Worker(config, 0, SECRET)
    await worker.start()
    pool = open_media(config, "hub-1", First(), SECRET)
    await pool.start()
    stage = Stage(worker, pool)
    yield stage
    for peer in stage.peers:
        peer.close(goodbye=False)
    await pool.stop()
    await worker.close()
