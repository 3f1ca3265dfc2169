"""The rooms this process has someone in, and the way of a notice to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from hub.live import talking
from hub.live.connection import Connection, Member
from hub.live.fanout import LocalRoom
from hub.live.pinger import renew_all
from hub.live.refresh import Refresh
from hub.ports import Missed, StoreLost
from rooms import notices as n
from rooms.closing import Close
from rooms.errors import Code, Refusal
from rooms.messages import Reactions, encode
from rooms.model import AttachmentKind
from rooms.session import Fact, Place

from . import wire

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

#: Rounds of fetching missed events before the room's sockets are sent to resume.
REPAIRS: Final = 5
#: Between two tries while Redis does not answer, seconds.
AGAIN_S: Final = 0.5

#: How the socket of an attachment that was ended by someone else closes.
DETACHED: Final[dict[str, Close]] = {
    "replaced": Close.REPLACED,
    "removed": Close.REMOVED,
    "banned": Close.BANNED,
    "evicted": Close.REMOVED,
    "closed": Close.CLOSED,
    # The seat was lost, not taken: come back and find out.
    "lapsed": Close.RECONNECT_ELSEWHERE,
    "left": Close.RECONNECT_ELSEWHERE,
}
#: What the rest of a socket that is in other rooms too is told instead.
DETACHED_CODE: Final[dict[str, Code]] = {
    "removed": Code.REMOVED,
    "banned": Code.BANNED,
    "evicted": Code.REMOVED,
    "closed": Code.ROOM_CLOSED,
    "lapsed": Code.SEAT_EXPIRED,
    "left": Code.NOT_IN_ROOM,
}


class Held:
    """A room that is followed on the bus, and by how many."""

    __slots__ = ("holds", "local", "newest", "reactions", "ready", "refresh", "repairing")

    def __init__(self, local: LocalRoom, refresh: Refresh, ready: asyncio.Task[Any]) -> None:
        self.local = local
        self.refresh = refresh
        self.ready = ready
        self.holds = 0
        self.newest: dict[str, Member] = {}  # by person; unlike local.people also ENTERING
        self.repairing = False
        self.reactions: dict[str, int] = {}


class Rooms:
    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._rooms: dict[str, Held] = {}  # bounded by holds, those by connections
        self._ways: dict[type[Any], Callable[[Any], None]] = {
            n.EventNotice: self._event,
            n.ChannelNotice: self._whispered,
            n.KnockNotice: self._knocked,
            n.SignalNotice: self._signalled,
            n.RosterNotice: self._roster,
            n.ChangedNotice: self._changed,
            n.QueueNotice: self._queue,
            n.PromotedNotice: self._promoted,
            n.DetachedNotice: self._detached,
            n.ReactionsNotice: self._reactions,
            n.ProbeNotice: lambda notice: None,
        }

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, slug: str) -> Held | None:
        return self._rooms.get(slug)

    async def hold(self, slug: str) -> LocalRoom:
        """Follow the room; returns once its notices are sure to arrive. Pair with release."""
        held = self._rooms.get(slug)
        if held is None:
            hub = self._hub
            limits = hub.config.limits
            local = LocalRoom(
                slug,
                pack=hub.writers.pack,
                tick_s=limits.tick_ms / 1000,
                spawn=hub.spawn,
                loop=hub.loop,
            )
            ready = hub.loop.create_task(hub.services.bus.follow(slug))
            held = self._rooms[slug] = Held(local, Refresh(hub, local), ready)
        held.holds += 1
        try:
            # Shielded: one who gives up must not end the following of the others.
            await asyncio.shield(held.ready)
        except BaseException:
            self._unhold(held)
            raise
        return held.local

    def release(self, slug: str) -> None:
        held = self._rooms.get(slug)
        if held is not None:
            self._unhold(held)

    def _unhold(self, held: Held) -> None:
        held.holds -= 1
        if held.holds > 0 or self._rooms.get(held.local.slug) is not held:
            return
        del self._rooms[held.local.slug]
        held.refresh.stop()
        self._hub.spawn(self._unfollow(held))

    async def _unfollow(self, held: Held) -> None:
        await asyncio.wait([held.ready])
        if held.ready.cancelled() or held.ready.exception() is None:
            await self._hub.services.bus.unfollow(held.local.slug)

    # --- notices -------------------------------------------------------------------------

    def notice(self, notice: n.Notice) -> None:
        """The bus's receiver: synchronous, in the order Redis published."""
        try:
            self._ways[type(notice)](notice)
        except Exception:
            # One notice that cannot be carried out must not stop those behind it.
            log.exception("notice failed", room=notice.room, notice=type(notice).__name__)

    def lost(self, slugs: frozenset[str]) -> None:
        """Notices of these rooms may be missing: look again at everything."""
        self._hub.spawn(self._look_again(slugs))

    async def _look_again(self, slugs: frozenset[str]) -> None:
        try:
            # First the seats: who was removed unheard is not told what came after.
            await renew_all(self._hub)
        except StoreLost as lost:
            log.warning("seats not looked at", fault=str(lost))
        for slug in slugs:
            held = self._rooms.get(slug)
            if held is not None:
                self._repair(held)
                held.refresh.changed(roster=True)
                self._hub.waiting.look(held.local)

    def _event(self, notice: n.EventNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is None:
            return
        local = held.local
        self.met(local, notice.epoch)
        if not local.take(notice):
            self._repair(held)
        if notice.kind == "closed":
            self._hub.loop.call_soon(self._closed, held)

    def met(self, local: LocalRoom, epoch: str, by: Member | None = None) -> None:
        """The room is of this epoch, an event says or the snapshot of ``by``: whoever is here
        of an earlier one may have lost the seat, and comes back to find out."""
        if local.epoch is None or local.epoch == epoch:
            return
        local.flush()
        held = self._rooms[local.slug]
        self.send_to_resume(held, "the room was made anew", but=by)
        local.epoch, local.last = None, None
        local.ring.clear()
        self._hub.waiting.look(local)

    def _closed(self, held: Held) -> None:
        held.local.flush()
        if held.local.talk:
            self._hub.notebooks.changed(held.local.slug)
        for member in list(held.local.people.values()):
            self.end(member, "closed", None)
        self._hub.sessions.room_closed(held.local.slug)

    def _repair(self, held: Held) -> None:
        if not held.repairing and held.local.last is not None:
            held.repairing = True
            self._hub.spawn(self._fetch_missed(held))

    async def _fetch_missed(self, held: Held) -> None:
        local = held.local
        try:
            for _ in range(REPAIRS):
                missed = await self._missed(held)
                if missed is None:
                    return
                if missed.gap:
                    break
                for event in missed.events:
                    local.take(event)
                if not local.ahead:
                    return
            local.ahead.clear()
            self.send_to_resume(held, "events were missed")
        except Refusal as refusal:
            local.ahead.clear()
            self.send_to_resume(held, refusal.code.value)
        finally:
            held.repairing = False

    async def _missed(self, held: Held) -> Missed | None:
        """What came since the last event seen; None when nobody here needs it any more.

        Notices may be back before calls are answered: asked again until they are.
        """
        local = held.local
        while self._rooms.get(local.slug) is held:
            if local.epoch is None or local.last is None:
                return None
            try:
                return await self._hub.services.admission.since(local.slug, local.epoch, local.last)
            except StoreLost:
                await asyncio.sleep(AGAIN_S)
        return None

    def send_to_resume(self, held: Held, reason: str, but: Member | None = None) -> None:
        """What cannot be patched is resumed: each socket gets its own fresh snapshot."""
        log.warning("sending to resume", room=held.local.slug, reason=reason)
        for member in held.local.everyone():
            if member is not but:
                member.conn.close(Close.RECOVERING, reason, self._hub.jitter_ms(100, 3000))

    def _whispered(self, notice: n.ChannelNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is not None:
            for person in notice.to:
                member = held.newest.get(person)
                if member is not None:
                    talking.whispered(self._hub, member, notice)

    def _knocked(self, notice: n.KnockNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is not None:
            talking.knocked(held.local, held.newest.get(notice.id), notice)

    def _signalled(self, notice: n.SignalNotice) -> None:
        held = self._rooms.get(notice.room)
        member = held.newest.get(notice.to) if held is not None else None
        if member is not None:
            talking.signalled(member, notice)

    def _roster(self, notice: n.RosterNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is not None:
            held.refresh.person(notice.id, notice.person)

    def _changed(self, notice: n.ChangedNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is not None:
            held.refresh.changed()

    def _queue(self, notice: n.QueueNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is not None:
            self._hub.waiting.look(held.local)

    def _promoted(self, notice: n.PromotedNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is not None:
            member = held.newest.get(notice.id)
            if member is not None:
                self._hub.waiting.turn(member, notice.until_ms)

    def _reactions(self, notice: n.ReactionsNotice) -> None:
        held = self._rooms.get(notice.room)
        if held is None:
            return
        counts = held.reactions if held.local.pending("reactions") else {}
        for emoji, count in notice.counts.items():
            counts[emoji] = counts.get(emoji, 0) + count
        held.reactions = counts
        held.local.latest("reactions", encode(Reactions(room=notice.room, counts=counts)))

    def _detached(self, notice: n.DetachedNotice) -> None:
        if notice.kind is not AttachmentKind.SOCKET:
            self._hub.sessions.detached(notice)
            return
        # Not now: the event that tells why may be the next line of the same message.
        self._hub.loop.call_soon(self._end_socket, notice)

    def _end_socket(self, notice: n.DetachedNotice) -> None:
        member = self.attached(notice.room, notice.attachment)
        if member is not None:
            member.local.flush()
            self.end(member, notice.why, notice.reason)

    def attached(self, slug: str, attachment: str) -> Member | None:
        """Who is in the room by this attachment; None when they have come in again since."""
        conn = self._hub.connections.get(attachment.partition(".")[0])
        member = conn.members.get(slug) if conn is not None else None
        return member if member is not None and member.attachment.id == attachment else None

    # --- ends ----------------------------------------------------------------------------

    def end(self, member: Member, why: str, reason: str | None) -> None:
        """Someone else ended this membership; a repeat changes nothing."""
        conn, slug = member.conn, member.local.slug
        if member.place is Place.OUTSIDE:
            return
        if why == "removed" and member.place in (Place.WAITING, Place.OFFERED):
            conn.send(wire.refused(slug, Refusal(Code.REMOVED, reason or why, reason=reason), None))
        alone = all(
            other is member or other.place is Place.OUTSIDE for other in conn.members.values()
        )
        self.forget(member, Fact.ENDED)
        conn.log(slug).info("membership ended", why=why)
        if why == "replaced" or alone:
            retry = self._hub.jitter_ms(100, 1000)
            how = DETACHED.get(why, Close.RECONNECT_ELSEWHERE)
            conn.close(how, reason or why, retry if how.reconnect else None)
        else:
            refusal = Refusal(DETACHED_CODE.get(why, Code.NOT_IN_ROOM), reason or why)
            conn.send(wire.error(refusal, None, slug))

    def forget(self, member: Member, fact: Fact) -> None:
        """Take a member out of its room here. Synchronous: nothing can come between."""
        conn, local = member.conn, member.local
        member.fact(fact)
        local.remove(conn)
        person, held = conn.identity.id, self._rooms.get(local.slug)
        if local.people.get(person) is member:
            del local.people[person]
        if held is not None and held.newest.get(person) is member:
            del held.newest[person]
        if conn.members.pop(local.slug, None) is member:
            self.release(local.slug)

    def member(self, conn: Connection, local: LocalRoom) -> Member:
        """A new membership on a room held for it."""
        member = conn.members[local.slug] = Member(conn, local)
        self._rooms[local.slug].newest[conn.identity.id] = member
        return member
