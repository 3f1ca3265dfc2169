"""Going away without anyone losing a seat: ``bye server_draining`` (4010) and time to close.

Nobody is said to have left: each seat's grace runs, the resume tokens stay good, and the
next hub worker takes them back.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from rooms.closing import Close

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

#: People of a worker that goes come back spread over this time, ms.
SPREAD_MS: Final = (200, 4000)


async def drain(hub: LiveHub) -> None:
    """Send everyone away; returns when all sockets ended, at the latest after ``drain_s``."""
    hub.services.draining = True
    for ws in list(hub.strangers):
        hub.spawn(ws.close(code=int(Close.DRAINING), message=b"server_draining"))
    conns = list(hub.connections.values())
    log.info("draining", connections=len(conns))
    for index, conn in enumerate(conns, 1):
        conn.close(Close.DRAINING, "this server is going away", hub.jitter_ms(*SPREAD_MS))
        if index % 200 == 0:
            await asyncio.sleep(0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(hub.config.limits.drain_s):
            while hub.connections:
                hub.gone.clear()
                await hub.gone.wait()
    log.info("drained", left=len(hub.connections))
