"""A person's media: the seat's attachment and the worker's session, as one act.

Implements ``hub.ports.MediaSessions`` for the WebSocket and for WHIP/WHEP. A hub follows
the room of every session it opened, so that it hears when the store ends the attachment,
and renews the sessions its media workers report alive. A person's socket may meanwhile be
on another hub than the one that opened a session: the store knows which one is in force.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from hub import ports
from hub.live.roles import Guise
from hub.ports import Renewal
from rooms.errors import Code, Refusal
from rooms.messages import Slots, SlotState, Speaking, encode, frame_payload
from rooms.model import Attachment, AttachmentKind, Identity, Source
from rooms.notices import DetachedNotice

from . import wire

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

#: How often a session that this hub was told nothing about is looked up, seconds.
LOOK_S: Final = 60.0
#: Between these, after a worker died, people offer again (ms): within 5 s, not all at once.
AGAIN_MS: Final = (300, 2000)


class Session:
    """A media session opened by this hub."""

    __slots__ = ("attachment", "id", "kind", "person", "room", "seen")

    def __init__(self, room: str, person: str, attachment: Attachment, now: float) -> None:
        self.room = room
        self.person = person
        self.kind = attachment.kind
        self.id = attachment.id
        self.attachment = attachment
        self.seen = now


class Sessions:
    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._by_id: dict[str, Session] = {}  # bounded by seats: two a person and room
        self._opening: set[str] = set()  # attachments whose offer is with a worker
        self._slots_sent: tuple[tuple[SlotState, ...], bytes] | None = None
        self._ways: dict[type[Any], Callable[[Any], None]] = {
            ports.SpeakingChanged: self._speaking,
            ports.SlotsChanged: self._slots,
            ports.SessionsAlive: self._alive,
            ports.SessionEnded: self._ended,
            ports.MediaLost: self._lost,
        }

    def __len__(self) -> int:
        return len(self._by_id)

    def notice(self, notice: ports.MediaNotice) -> None:
        """The media workers' receiver: synchronous."""
        self._ways[type(notice)](notice)

    # --- MediaSessions -------------------------------------------------------------------

    async def as_in(self, room: str, who: Identity) -> Identity:
        """As ``hub.ports.MediaSessions.as_in``."""
        return (await self._hub.roles.as_in(who, room)).who

    async def open(
        self, room: str, who: Identity, kind: AttachmentKind, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, take_seat: bool = False,
    ) -> tuple[str, str]:  # fmt: skip
        """As ``hub.ports.MediaSessions.open``."""
        guise = await self._hub.roles.as_in(who, room)
        hub, media = self._hub, self._hub.services.media
        admission = hub.services.admission
        known = await hub.in_room(room, lambda: admission.attached(room, who.id, kind))
        if known is not None and restart:
            answer = await media.offer(room, who.id, known, sdp, sources=sources, restart=True)
            await self._adopt(room, who.id, known)
            return known.id, answer
        if hub.services.draining:
            raise Refusal(Code.SERVER_DRAINING, retry_after_ms=hub.jitter_ms(500, 3000))
        attachment = Attachment(kind, secrets.token_urlsafe(12), hub.services.hub_id)
        await hub.rooms.hold(room)
        self._opening.add(attachment.id)
        try:
            if known is None:
                await self._attach(room, guise, attachment, take_seat)
                answer = await self._offer(room, guise.who, attachment, sdp, sources, take_seat)
            else:
                # Replacing: the worker judges the offer first, so that a refused one costs
                # nothing. Whose session runs has the seat; what ended meanwhile attach finds.
                answer = await self._offer(
                    room, guise.who, attachment, sdp, sources, take_seat, False
                )
                await self._attach_or_end(room, guise, attachment, take_seat)
            if attachment.id not in self._opening:
                # Unstaged, removed or replaced while the worker was asked.
                self._end(room, who.id, kind, attachment.id)
                published = kind is AttachmentKind.PUBLISH
                raise Refusal(Code.NOT_ON_STAGE if published else Code.NOT_IN_ROOM)
        except BaseException as fault:
            if not isinstance(fault, Refusal):
                # Given up, or without an answer: what was done is unknown, so undo it all.
                hub.spawn(admission.detach(room, who.id, kind, attachment.id))
                self._end(room, who.id, kind, attachment.id)
            hub.rooms.release(room)
            raise
        finally:
            self._opening.discard(attachment.id)
        self._by_id[attachment.id] = Session(room, who.id, attachment, hub.now())
        if kind is AttachmentKind.PUBLISH:
            await self._announce(room, who.id, sources)
        log.info("media opened", room=room, person=who.id, kind=kind.value, media=attachment.id)
        return attachment.id, answer

    async def _attach(
        self, room: str, guise: Guise, attachment: Attachment, take_seat: bool
    ) -> None:
        hub, admission, who = self._hub, self._hub.services.admission, guise.who
        if not take_seat:
            await admission.attach(room, who.id, attachment)
            return
        stage = attachment.kind is AttachmentKind.PUBLISH
        await hub.in_room(
            room,
            lambda: admission.enter(
                room, who, attachment, wait=False, stage=stage, knock=guise.lobby
            ),
        )

    async def _attach_or_end(
        self, room: str, guise: Guise, attachment: Attachment, take_seat: bool
    ) -> None:
        try:
            await self._attach(room, guise, attachment, take_seat)
        except Refusal:
            self._end(room, guise.who.id, attachment.kind, attachment.id)
            raise

    async def _offer(
        self, room: str, who: Identity, attachment: Attachment, sdp: str,
        sources: dict[str, Source] | None, need_live: bool, attached: bool = True,
    ) -> str:  # fmt: skip
        """The worker's answer; refused, what was ``attached`` (a seat it took, too) goes back."""
        services = self._hub.services
        subscribe = attachment.kind is AttachmentKind.SUBSCRIBE
        try:
            return await services.media.offer(
                room, who.id, attachment, sdp,
                sources=sources or None, need_live=need_live and subscribe,
            )  # fmt: skip
        except Refusal:
            # One that did not answer in time may have opened it all the same.
            self._end(room, who.id, attachment.kind, attachment.id)
            if attached:
                await services.admission.detach(room, who.id, attachment.kind, attachment.id)
            raise

    async def _announce(self, room: str, person: str, sources: dict[str, Source] | None) -> None:
        """Show on the stage what is published; WHIP names no sources: camera, microphone."""
        published = set((sources or {}).values()) or {Source.CAMERA, Source.MICROPHONE}
        await self._hub.services.admission.sources(
            room, person, {source: False for source in Source if source in published}
        )

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None
    ) -> bool:
        """As ``hub.ports.MediaSessions.close``; also of a session another hub opened."""
        services = self._hub.services
        if attachment is None:
            found = await services.admission.attached(room, person, kind)
            if found is None:
                return False
            attachment = found.id
        elif not self._opened_here(room, person, kind, attachment):
            lost = await services.admission.renew([Renewal(room, person, kind, attachment)])
            if lost:
                return False
        self._forget(attachment)
        await services.media.close(room, person, kind, attachment)
        await services.admission.detach(room, person, kind, attachment)
        return True

    async def _adopt(self, room: str, person: str, attachment: Attachment) -> None:
        """Look after a session that another hub opened, as if it had been opened here."""
        if attachment.id in self._by_id:
            return
        await self._hub.rooms.hold(room)
        if attachment.id in self._by_id:
            self._hub.rooms.release(room)
            return
        self._by_id[attachment.id] = Session(room, person, attachment, self._hub.now())

    def _opened_here(self, room: str, person: str, kind: AttachmentKind, attachment: str) -> bool:
        found = self._by_id.get(attachment)
        return found is not None and (found.room, found.person, found.kind) == (room, person, kind)

    # --- what ends a session -------------------------------------------------------------

    def detached(self, notice: DetachedNotice) -> None:
        """The store ended a media attachment: its worker must stop it.

        The hub that opened it may be gone, so each that follows the room says so.
        """
        self._opening.discard(notice.attachment)
        self._forget(notice.attachment)
        self._end(notice.room, notice.id, notice.kind, notice.attachment)

    def stop(self, room: str, person: str, *kinds: AttachmentKind) -> None:
        """As ``hub.ports.MediaSessions.stop``: for a room that no hub may follow any more."""
        for kind in kinds:
            self._end(room, person, kind, None)

    def _end(self, room: str, person: str, kind: AttachmentKind, attachment: str | None) -> None:
        self._hub.spawn(self._tell_end(room, person, kind, attachment))

    async def _tell_end(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None
    ) -> None:
        try:
            await self._hub.services.media.close(room, person, kind, attachment)
        except Refusal as refusal:
            # A worker that is away forwards nothing; one that is slow hears of the lost seat
            # when it next asks.
            log.info("media not stopped", room=room, person=person, code=refusal.code.value)

    def room_closed(self, room: str) -> None:
        found = [session for session in self._by_id.values() if session.room == room]
        for session in found:
            self._forget(session.id)
        if found:
            self._hub.spawn(self._hub.services.media.close_room(room))

    def tidy(self) -> None:
        """Look up sessions not heard of for long: the workers tell one hub who is alive, and
        one that another hub ended is told to nobody."""
        now = self._hub.now()
        due = [one for one in self._by_id.values() if now - one.seen > LOOK_S][:100]
        for session in due:
            session.seen = now
        if due:
            self._hub.spawn(self._look_up(due))

    async def _look_up(self, sessions: list[Session]) -> None:
        # So long silent that it prolongs nothing: only a question.
        silent = self._hub.config.limits.lease_ms
        asked = [Renewal(one.room, one.person, one.kind, one.id, silent) for one in sessions]
        for lost in await self._hub.services.admission.renew(asked):
            self._forget(lost.attachment)

    def _forget(self, id: str) -> None:
        session = self._by_id.pop(id, None)
        if session is not None:
            self._hub.rooms.release(session.room)

    # --- what the workers say ------------------------------------------------------------

    def _speaking(self, notice: ports.SpeakingChanged) -> None:
        held = self._hub.rooms.get(notice.room)
        if held is not None:
            held.local.latest("speaking", encode(Speaking(room=notice.room, ids=notice.ids)))

    def _slots(self, notice: ports.SlotsChanged) -> None:
        held = self._hub.rooms.get(notice.room)
        member = held.local.people.get(notice.person) if held is not None else None
        if member is None:
            return
        if self._slots_sent is None or self._slots_sent[0] is not notice.slots:
            # A worker tells the same rows of many people, one after the other.
            payload = frame_payload([encode(Slots(room=notice.room, slots=notice.slots))])
            self._slots_sent = (notice.slots, self._hub.writers.pack(payload))
        member.conn.deliver(self._slots_sent[1])

    def _alive(self, notice: ports.SessionsAlive) -> None:
        now = self._hub.now()
        for renewal in notice.renewals:
            session = self._by_id.get(renewal.attachment)
            if session is not None:
                session.seen = now
        self._hub.spawn(self._renew(notice.renewals))

    async def _renew(self, renewals: tuple[Renewal, ...]) -> None:
        for start in range(0, len(renewals), 100):
            batch = renewals[start : start + 100]
            lost = list(await self._hub.services.admission.renew(batch))
            gone = {one.attachment for one in lost}
            kept = [one for one in batch if one.attachment not in gone]
            await self._hub.services.media.renewed(kept, lost)
            for one in lost:
                self._forget(one.attachment)

    def _ended(self, notice: ports.SessionEnded) -> None:
        """Every hub is told; the first to say so takes the sources from the stage too."""
        self._forget(notice.attachment)
        self._hub.spawn(self._drop(notice))

    async def _drop(self, notice: ports.SessionEnded) -> None:
        await self._hub.services.admission.drop(
            notice.room, notice.person, notice.kind, notice.attachment, notice.silent_ms
        )

    def _lost(self, notice: ports.MediaLost) -> None:
        """A worker died: its sessions are dropped, their people offer again."""
        told: set[tuple[str, str]] = set()
        for session in list(self._by_id.values()):
            if session.room not in notice.rooms:
                continue
            self._forget(session.id)
            told.add((session.room, session.person))
            self._hub.spawn(
                self._drop(
                    ports.SessionEnded(session.room, session.person, session.kind, session.id, 0)
                )
            )
        for room, person in told:
            held = self._hub.rooms.get(room)
            member = held.local.people.get(person) if held is not None else None
            if member is not None:
                refusal = Refusal(
                    Code.MEDIA_UNAVAILABLE,
                    "the media worker is gone; please offer again",
                    retry_after_ms=self._hub.jitter_ms(*AGAIN_MS),
                )
                member.conn.send(wire.error(refusal, None, room))
