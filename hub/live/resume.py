"""Coming back: each room named gets exactly one ending (docs/protocol.md, ``hello`` resume)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.live import talking
from hub.live.entering import (
    SNAPSHOTS,
    arrive,
    follow_on,
    gone,
    membership,
)
from hub.ports import DirectoryLost, Queued, StoreLost
from rooms.errors import Code, Refusal
from rooms.messages import ResumePoint
from rooms.session import Fact, Place

from . import wire

if TYPE_CHECKING:
    from hub.live.connection import Connection, Member
    from hub.live.hub import LiveHub


async def resume(hub: LiveHub, conn: Connection, points: tuple[ResumePoint, ...]) -> None:
    """One room after the other, each once however often it is named."""
    for point in {point.room: point for point in points}.values():
        try:
            await _resume(hub, conn, point)
        except Refusal as refusal:
            member = conn.members.get(point.room)
            if member is not None:
                gone(hub, member)
            conn.send(wire.refused(point.room, refusal, None))
        except (StoreLost, DirectoryLost):
            # The seat may still be there: enter, or come back once more, finds out.
            member = conn.members.get(point.room)
            if member is not None and member.place is Place.ENTERING:
                hub.rooms.forget(member, Fact.REFUSED)
            wait = Refusal(Code.RECOVERING, retry_after_ms=hub.jitter_ms(500, 3000))
            conn.send(wire.refused(point.room, wait, None))


async def _resume(hub: LiveHub, conn: Connection, point: ResumePoint) -> None:
    slug = point.room
    guise = await hub.roles.as_in(conn.identity, slug)
    who = guise.who
    if hub.services.draining:
        raise Refusal(Code.SERVER_DRAINING, retry_after_ms=hub.jitter_ms(500, 3000))
    member = await membership(hub, conn, slug)
    member.role = who.role
    talking.gather(member)
    admission = hub.services.admission
    outcome = await hub.in_room(slug, lambda: admission.resume(slug, who, member.attachment))
    if isinstance(outcome, Queued):
        await arrive(hub, member, outcome, None)
        return
    if await _patched(hub, member, point):
        return
    # A gap: a fresh snapshot, which has the room, the roster and the channels in it.
    await arrive(hub, member, outcome, None)


async def _patched(hub: LiveHub, member: Member, point: ResumePoint) -> bool:
    """Send what was missed; False on a gap. Raises Refusal, StoreLost."""
    admission = hub.services.admission
    for _ in range(SNAPSHOTS):
        missed = await admission.since(point.room, point.epoch, point.seq)
        if missed.gap:
            return False
        shot = await admission.snapshot(point.room)
        channels = await talking.missed(hub, member, point) if talking.is_talk(shot) else ([], {})
        if channels is None:
            return False
        whispers, reached = channels
        if member.place is Place.OUTSIDE or member.conn.closing is not None:
            return True
        if follow_on(hub, member, missed, shot, whispers, reached):
            return True
    return False
