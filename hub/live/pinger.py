"""The wheel: once a second it looks at every socket; and the renewing of seats.

A ping every ``ping_s``, ``pong_s`` for a sign of life; an empty frame when nothing was sent
for ``heartbeat_ms``. aiohttp's own heartbeat is off: it knows pongs only, here any traffic
counts. Seats are renewed every ``renew_s`` ± 20 % in batches spread over half of it, of people
heard from lately.
"""

from __future__ import annotations

import asyncio
import random
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import structlog

from hub.live.drain import drain
from hub.live.ice import refresh_ice
from hub.ports import Renewal, StoreLost
from rooms.closing import Close
from rooms.model import AttachmentKind
from rooms.session import Place

if TYPE_CHECKING:
    from hub.live.connection import Connection, Member
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

TURN_S: Final = 1.0
BATCH: Final = 100
#: Batches under way at once. One after the other, 12,500 people in small rooms took longer than
#: their leases when an answer of Redis took 0.3 s.
LANES: Final = 8
#: Of ``renew_s``, the time that one renewing is spread over: all at once, those 12,500 keep this
#: process and Redis for a second to themselves.
SPREAD: Final = 0.5
#: Of ``renew_s``, until the next try when one failed.
AGAIN: Final = 0.5
#: The wheel that turns so much too late was not slow: nothing here ran, seconds.
STILL_S: Final = 1.0
#: A hub cut off from Redis stops serving this long before its leases end, seconds.
FENCE_S: Final = 3.0
_RENEWED: Final = (Place.INSIDE, Place.WAITING)


async def wheel(hub: LiveHub) -> None:
    """Runs until cancelled."""
    empty = hub.writers.pack(b"[]")
    turn = min(TURN_S, hub.config.limits.pong_s / 2, hub.config.limits.heartbeat_ms / 4000)
    drained = False
    turned = hub.now()
    while True:
        await asyncio.sleep(turn)
        stood_still, turned = hub.now() - turned - turn, hub.now()
        if stood_still > STILL_S:
            _awake(hub, stood_still)
        conns = list(hub.connections.values())
        for index, conn in enumerate(conns, 1):
            try:
                await _look(hub, conn, empty)
            except Exception:
                # Whoever stumbles here goes; everybody else is still looked after.
                conn.log().exception("look failed")
                conn.cut()
            if index % 500 == 0:
                await asyncio.sleep(0)
        if hub.services.draining and not drained:
            drained = True
            hub.spawn(drain(hub))
        for work in (hub.slow.check, hub.waiting.tidy, hub.sessions.tidy):
            try:
                work()
            except Exception:
                log.exception("wheel failed", work=work.__qualname__)


def _awake(hub: LiveHub, stood_still: float) -> None:
    """This process was stopped, or its machine slept: its seats may be others' by now, and
    what would have told is lost. Who is still welcome comes back by resume."""
    log.warning("stood still", seconds=round(stood_still, 1))
    if hub.now() - hub.renewed >= hub.config.limits.lease_ms / 1000:
        _send_off(hub, "this hub stood still")


async def _look(hub: LiveHub, conn: Connection, empty: bytes) -> None:
    if conn.closing is not None:
        return
    limits, now = hub.config.limits, hub.now()
    if conn.strikes:
        conn.strikes -= 1
    if now - conn.quiet_since() >= limits.heartbeat_ms / 1000:
        conn.deliver(empty)
    refresh_ice(hub, conn)
    if conn.pinged > conn.heard and now - conn.pinged >= limits.pong_s:
        # A message being carried out keeps the reading side from hearing a pong.
        if not conn.busy:
            conn.cut()
    elif now - conn.pinged >= limits.ping_s:
        conn.pinged = now
        await _ping(conn)


async def _ping(conn: Connection) -> None:
    try:
        await conn.ping()
    except (ConnectionError, RuntimeError) as fault:
        conn.log().debug("ping failed", fault=str(fault))


async def renew(hub: LiveHub) -> None:
    """Runs until cancelled."""
    limits = hub.config.limits
    hub.renewed = asked = hub.now()
    share = 1.0
    while True:
        # From one beginning to the next, however long it takes.
        period = limits.renew_s * share * random.uniform(0.8, 1.2)
        await asyncio.sleep(max(period / 4, asked + period - hub.now()))
        asked = hub.now()
        try:
            await renew_all(hub, limits.renew_s * SPREAD)
            hub.renewed, share = asked, 1.0
        except Exception as fault:
            share = AGAIN
            if isinstance(fault, StoreLost):
                log.warning("renewing failed", fault=str(fault))
            else:
                # Ended by one answer that was not foreseen, it would cost every seat of this hub.
                log.exception("renewing failed")
            _fence(hub)


async def renew_all(hub: LiveHub, over_s: float = 0.0) -> None:
    """Renew who was heard from lately, spread over ``over_s``; who has lost the seat is sent
    away. Raises StoreLost."""
    due = [
        (slug, conn, member)
        for conn in hub.connections.values()
        for slug, member in conn.members.items()
    ]
    due.sort(key=itemgetter(0))  # people of one room go in one script
    batches = enumerate([due[start : start + BATCH] for start in range(0, len(due), BATCH)])
    pause, begun = over_s * BATCH / max(BATCH, len(due)), hub.now()

    async def lane() -> None:
        for number, batch in batches:
            ahead = begun + number * pause - hub.now()
            if ahead > 0:
                await asyncio.sleep(ahead)
            await _renew(hub, batch)

    lanes = [hub.loop.create_task(lane()) for _ in range(LANES)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for one in lanes:
            one.cancel()


async def _renew(hub: LiveHub, batch: list[tuple[str, Connection, Member]]) -> None:
    limits = hub.config.limits
    heard_since = hub.now() - limits.ping_s - limits.pong_s
    due = [
        Renewal(
            slug, conn.identity.id, AttachmentKind.SOCKET, member.attachment.id, conn.silent_ms()
        )
        for slug, conn, member in batch
        if conn.heard >= heard_since and conn.closing is None and member.place in _RENEWED
    ]
    for lost in await hub.services.admission.renew(due):
        member = hub.rooms.attached(lost.room, lost.attachment)
        if member is not None:
            hub.rooms.end(member, "lapsed", "the seat was lost")


def _fence(hub: LiveHub) -> None:
    """With ``redis.on_loss = "fence"``: no seat is served that may be someone else's by now.

    The leases were good for ``lease_ms`` from the last renewal that was answered.
    """
    if hub.config.redis.on_loss != "fence":
        return
    limits = hub.config.limits
    next_try = limits.renew_s * AGAIN * 1.2
    if hub.now() - hub.renewed + next_try < limits.lease_ms / 1000 - FENCE_S:
        return
    _send_off(hub, "this hub lost the store")


def _send_off(hub: LiveHub, reason: str) -> None:
    """Everyone with a place in a room, to where the store can be asked."""
    for conn in list(hub.connections.values()):
        if any(member.place in _RENEWED for member in conn.members.values()):
            conn.close(Close.RECONNECT_ELSEWHERE, reason, hub.jitter_ms(500, 5000))
