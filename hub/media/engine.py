"""A media worker's rooms and sessions: offers answered, slots filled, sessions ended.

Knows nothing of processes or hubs: ``worker`` feeds it commands and takes its notices.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final

from hub.media import private, sdp
from hub.media.forward import Sender
from hub.media.mux import Mux, TableFull
from hub.media.publisher import REPORT_S, Publisher
from hub.media.session import CONNECT_S, Session
from hub.media.subscriber import Slot, Subscriber
from hub.media.track import Track
from hub.ports import MediaNotice, Renewal, SessionEnded, SlotsChanged, SpeakingChanged
from rooms.errors import Code, Refusal
from rooms.forwarding import Levels, Plan, View, plan
from rooms.model import AttachmentKind, Source

#: RFC 7675: consent is gone after so long without a valid check
CONSENT_S: Final = 30.0
#: a session no hub has confirmed for so long is stopped: its seat may be someone else's
CONFIRM_S: Final = 30.0
RETRY_MS: Final = 2_000
SPEAKING_S: Final = 0.2


class Room:
    """One room's sessions on this worker."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.publishers: dict[str, Publisher] = {}
        self.subscribers: dict[str, Subscriber] = {}
        self.levels = Levels()
        self.speaking: tuple[str, ...] = ()
        self.views: dict[str, View] = {}
        self.muted: dict[str, set[Source]] = {}
        self._streams: dict[tuple[str, int], tuple[int, str]] = {}

    @property
    def empty(self) -> bool:
        return not self.publishers and not self.subscribers

    def stream(self, kind: str, place: int) -> sdp.Stream:
        """The stream of the ``place``-th slot of a kind: the same for every subscriber, so
        that one plaintext serves them all (their keys differ). The first picture and the
        first sound share a stream id: browsers keep those two in step."""
        key = (kind, place)
        if key not in self._streams:
            cname = self._streams[("audio", 0)][1] if self._streams else secrets.token_hex(6)
            self._streams.setdefault(("audio", 0), (_ssrc(), cname))
            if key not in self._streams:
                self._streams[key] = (_ssrc(), cname)
        ssrc, cname = self._streams[key]
        return sdp.Stream(ssrc, cname, "main" if place == 0 else f"{kind}-{place}")


def _ssrc() -> int:
    return secrets.randbits(32) or 1


class Engine:
    """``notify`` takes notices for all hubs."""

    def __init__(
        self,
        mux: Mux,
        addresses: Sequence[str],
        notify: Callable[[MediaNotice], None],
        live_changed: Callable[[str, bool], None],
    ) -> None:
        self.mux = mux
        mux.flush = self.flush
        self.sender = Sender(mux.socket)
        self.certificate = private.Certificate.generateCertificate()
        self.rooms: dict[str, Room] = {}
        self.candidates = tuple((address, mux.port) for address in addresses)
        self._notify = notify
        self._live_changed = live_changed
        self._dirty: dict[Track, None] = {}
        self._changed: dict[str, None] = {}  # rooms whose slots must be planned again
        self._reported = 0.0
        self._listened = 0.0

    # --- commands ---------------------------------------------------------------------------

    def offer(
        self,
        room: str,
        person: str,
        kind: AttachmentKind,
        attachment: str,
        text: str,
        sources: dict[str, Source] | None,
        *,
        restart: bool,
        need_live: bool,
    ) -> str:
        """The answer to an offer. Raises Refusal (see ports.Media); then nothing has changed."""
        direction: sdp.Direction = "publish" if kind is AttachmentKind.PUBLISH else "subscribe"
        offer = sdp.parse(text, direction)
        place = self.rooms.get(room)
        if need_live and (place is None or not place.publishers):
            raise Refusal(Code.NOTHING_LIVE, retry_after_ms=RETRY_MS)
        older = self._find(room, person, kind)
        if restart:
            return self._restart(older, attachment, offer, direction)
        named = sdp.sources(offer, sources) if direction == "publish" else {}
        try:
            transport = self.mux.open(offer.ufrag)
        except TableFull:
            raise Refusal(Code.MEDIA_UNAVAILABLE, retry_after_ms=RETRY_MS) from None
        view = place.views.get(person) if place is not None else None
        if older is not None:
            self._end(older)
        if place is None or room not in self.rooms:
            place = self.rooms[room] = Room(room)
        common = (room, person, attachment, transport, self.certificate, offer, self._ended)
        streams: dict[str, sdp.Stream] = {}
        if direction == "publish":
            publisher = Publisher(
                *common,
                sources=named,
                dirty=self._mark_dirty,
                heard=lambda who, level: place.levels.hear(who, level, int(self.mux.now * 1_000)),
            )
            publisher.muted = place.muted.setdefault(person, set())
            first = not place.publishers
            place.publishers[person] = publisher
            if first:
                self._live_changed(room, True)
            self._replan(room)
        else:
            if view is not None:  # what was asked for holds for the new connection too
                place.views[person] = view
            streams = self._streams(place, offer)
            place.subscribers[person] = Subscriber(
                *common, streams=streams, sender=self.sender, on_joined=self._joined
            )
        return self._answer(offer, direction, transport.ufrag, transport.password, streams)

    def _streams(self, place: Room, offer: sdp.Offer) -> dict[str, sdp.Stream]:
        count = {"audio": 0, "video": 0}
        streams: dict[str, sdp.Stream] = {}
        for media in offer.active:
            streams[media.mid] = place.stream(media.kind, count[media.kind])
            count[media.kind] += 1
        return streams

    def _answer(
        self,
        offer: sdp.Offer,
        direction: sdp.Direction,
        ufrag: str,
        password: str,
        streams: dict[str, sdp.Stream],
    ) -> str:
        local = sdp.Local(ufrag, password, self.certificate.sha256, self.candidates)
        return sdp.answer(offer, direction, local, streams)

    def _restart(
        self, older: Session | None, attachment: str, offer: sdp.Offer, direction: sdp.Direction
    ) -> str:
        """ICE restart: new credentials, everything else stays (RFC 8839 section 4.4.1.1.1)."""
        if older is None:
            raise Refusal(Code.BAD_MESSAGE, "sdp: there is no session to restart")
        same = [(m.kind, m.mid, m.payload_type) for m in older.offer.media]
        if [(m.kind, m.mid, m.payload_type) for m in offer.media] != same or set(
            offer.fingerprints
        ) != set(older.offer.fingerprints):
            raise Refusal(Code.BAD_MESSAGE, "sdp: a restart may change ICE only")
        self.mux.restart(older.transport, offer.ufrag)
        older.attachment = attachment
        streams = self._streams(self.rooms[older.room], offer) if direction == "subscribe" else {}
        path = older.transport
        return self._answer(offer, direction, path.ufrag, path.password, streams)

    def close(self, room: str, person: str, kind: AttachmentKind, attachment: str | None) -> None:
        session = self._find(room, person, kind)
        if session is not None and attachment in (None, session.attachment):
            self._end(session)

    def close_room(self, room: str) -> None:
        place = self.rooms.get(room)
        if place is not None:
            for session in [*place.publishers.values(), *place.subscribers.values()]:
                self._end(session)

    def view(self, room: str, person: str, view: View) -> None:
        place = self.rooms.get(room)
        if place is not None and person in place.subscribers:
            place.views[person] = view
            self._replan(room)
            self._settle(place, only=person, tell=True)

    def muted(self, room: str, person: str, source: Source, muted: bool) -> None:
        place = self.rooms.get(room)
        if place is None or person not in place.publishers:
            return
        sources = place.publishers[person].muted
        (sources.add if muted else sources.discard)(source)
        if source is Source.MICROPHONE and muted:
            place.levels.forget(person)
        self._replan(room)

    def renewed(self, kept: Sequence[Renewal], lost: Sequence[Renewal]) -> None:
        """What became of the seats of sessions reported alive."""
        now = time.monotonic()
        for renewal in kept:
            session = self._find(renewal.room, renewal.person, renewal.kind)
            if session is not None and session.attachment == renewal.attachment:
                session.confirmed = now
        for renewal in lost:
            self.close(renewal.room, renewal.person, renewal.kind, renewal.attachment)

    # --- what sessions do ---------------------------------------------------------------------

    def _find(self, room: str, person: str, kind: AttachmentKind) -> Session | None:
        place = self.rooms.get(room)
        if place is None:
            return None
        table = place.publishers if kind is AttachmentKind.PUBLISH else place.subscribers
        return table.get(person)

    def _mark_dirty(self, track: Track) -> None:
        self._dirty[track] = None

    def _replan(self, room: str) -> None:
        self._changed[room] = None

    def _joined(self, subscriber: Subscriber) -> None:
        place = self.rooms.get(subscriber.room)
        if place is not None and place.subscribers.get(subscriber.person) is subscriber:
            self._settle(place, only=subscriber.person, tell=True)

    def _ended(self, session: Session) -> None:
        """A session ended by itself: hubs give its attachment back."""
        silent = session.silent_ms(time.monotonic())
        self._end(session)
        self._notify(
            SessionEnded(session.room, session.person, session.kind, session.attachment, silent)
        )

    def _end(self, session: Session) -> None:
        session.close()
        place = self.rooms.get(session.room)
        if place is None:
            return
        person = session.person
        if isinstance(session, Publisher) and place.publishers.get(person) is session:
            del place.publishers[person]
            place.levels.forget(person)
            place.muted.pop(person, None)
            for track in session.tracks.values():
                self._dirty.pop(track, None)
                self._release(track)
            if not place.publishers:
                self._live_changed(session.room, False)
            self._replan(session.room)
        elif isinstance(session, Subscriber) and place.subscribers.get(person) is session:
            del place.subscribers[person]
            place.views.pop(person, None)
            for slot in session.slots:
                if slot.track is not None:
                    slot.track.detach(slot)
        if place.empty:
            del self.rooms[session.room]
            self._changed.pop(session.room, None)

    def _release(self, track: Track) -> None:
        held = [slot for cohort in track.cohorts.values() for slot in cohort.members]
        for slot in [*held, *track.waiting]:
            track.detach(slot)

    # --- slots ----------------------------------------------------------------------------------

    def _settle(self, place: Room, only: str | None = None, *, tell: bool = False) -> None:
        """Plan the slots of the room's subscribers and make it so; ``tell`` even if unchanged."""
        stage = {p.person: p.flowing for p in place.publishers.values()}
        ranking = place.levels.ranking(stage)
        active = place.levels.active
        everyone = place.subscribers
        chosen = [everyone[only]] if only is not None else list(everyone.values())
        plans: dict[tuple[str, View, Plan], Plan] = {}
        for subscriber in chosen:
            if not subscriber.ready:
                continue
            person = subscriber.person
            view = place.views.get(person, View())
            key = (person if person in stage else "", view, subscriber.plan)
            new = plans.get(key)
            if new is None:
                new = plans[key] = plan(stage, ranking, active, key[0], view, subscriber.plan)
            if self._apply(place, subscriber, new) or tell:
                self._notify(SlotsChanged(place.slug, person, subscriber.rows()))

    def _apply(self, place: Room, subscriber: Subscriber, new: Plan) -> bool:
        changed = new != subscriber.plan
        subscriber.plan = new
        slots: list[Slot] = [*subscriber.video, *subscriber.audio]
        moves: list[tuple[Slot, Track | None]] = []
        for slot, shown in zip(slots, (*new.video, *new.audio), strict=True):
            track: Track | None = None
            if shown is not None and shown.source is not None:
                publisher = place.publishers.get(shown.person)
                track = publisher.tracks.get(shown.source) if publisher is not None else None
            if track is not slot.track:
                moves.append((slot, track))
        for slot, _ in moves:
            if slot.track is not None:
                slot.track.detach(slot)
        for slot, track in moves:
            if track is not None:
                track.attach(slot, self.sender, self.mux.now)
        return changed

    def flush(self) -> None:
        """After a batch of datagrams: what came in goes out."""
        if self._dirty:
            now = self.mux.now
            dirty, self._dirty = self._dirty, {}
            for track in dirty:
                track.flush(self.sender, now)

    # --- time -------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Every 50 ms: slots to plan, keyframes and packets to ask for; speakers and reports
        at their own pace."""
        now = self.mux.now = time.monotonic()
        listen = now - self._listened >= SPEAKING_S
        report = now - self._reported >= REPORT_S
        for place in list(self.rooms.values()):
            for publisher in place.publishers.values():
                for track in publisher.tracks.values():
                    track.tick(now)
                if report:
                    publisher.report(now)
            if listen and place.publishers:
                self._listen(place, int(now * 1_000))
        if listen:
            self._listened = now
        if report:
            self._reported = now
        changed, self._changed = self._changed, {}
        for slug in changed:
            if slug in self.rooms:
                self._settle(self.rooms[slug])

    def _listen(self, place: Room, now_ms: int) -> None:
        active = place.levels.active
        speaking = place.levels.update(now_ms)
        if place.levels.active != active or set(speaking) != set(place.speaking):
            self._replan(place.slug)
        if set(speaking) != set(place.speaking) or speaking[:1] != place.speaking[:1]:
            # the order of those behind changes with every syllable and is nobody's news
            place.speaking = speaking
            self._notify(SpeakingChanged(place.slug, speaking))

    def sweep(self) -> None:
        """Every second: sessions whose consent, connection or seat has run out are ended."""
        now = time.monotonic()
        for session in self.sessions():
            if (
                now - session.transport.heard >= CONSENT_S
                or (not session.ready and now - session.made >= CONNECT_S)
                or now - session.confirmed >= CONFIRM_S
            ):
                self._ended(session)

    def sessions(self) -> list[Session]:
        return [
            session
            for place in self.rooms.values()
            for session in (*place.publishers.values(), *place.subscribers.values())
        ]

    def alive(self) -> tuple[Renewal, ...]:
        """Every session with the time since its last consent check."""
        now = time.monotonic()
        return tuple(
            Renewal(s.room, s.person, s.kind, s.attachment, s.silent_ms(now))
            for s in self.sessions()
        )
