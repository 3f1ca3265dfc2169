"""One person's subscribe session: its slots and what the browser reports about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from hub.media import private, rtcp
from hub.media.forward import Cohort, Sender
from hub.media.sdp import Stream
from hub.media.session import Session
from rooms.forwarding import Plan, Shown
from rooms.messages import SlotState
from rooms.model import AttachmentKind

if TYPE_CHECKING:
    from hub.media.track import Track

#: retransmissions a second for one subscriber: NACKs must not multiply traffic without end
RESEND_PER_S: Final = 500


class Slot:
    """One outgoing stream: fixed SSRC, changing source, numbers without a seam.

    ``last_*`` say where the numbers were when it last left a source; None: nothing sent yet.
    ``start`` is the first index of the present source that may go out here.
    """

    __slots__ = (
        "_octets",
        "_octets_at",
        "_packets",
        "_packets_at",
        "cname",
        "cohort",
        "last_sequence",
        "last_timestamp",
        "mid",
        "payload_type",
        "ssrc",
        "start",
        "subscriber",
        "track",
        "video",
    )  # fmt: skip

    def __init__(
        self, subscriber: Subscriber, mid: str, video: bool, payload_type: int, stream: Stream
    ):
        self.subscriber = subscriber
        self.mid = mid
        self.video = video
        self.payload_type = payload_type
        self.ssrc = stream.ssrc
        self.cname = stream.cname.encode()
        self.track: Track | None = None
        self.cohort: Cohort | None = None
        self.start = 0
        self.last_sequence: int | None = None
        self.last_timestamp = 0
        self._packets = self._packets_at = 0
        self._octets = self._octets_at = 0

    def enter(self, track: Track, cohort: Cohort, start: int) -> None:
        self.cohort = cohort
        self.start = start
        self._packets_at, self._octets_at = track.packets, track.octets

    def leave(self, track: Track) -> None:
        assert self.cohort is not None
        # Nothing between start and highest was sent when highest is before start.
        last = max(track.highest, self.start - 1)
        self.last_sequence = (last + self.cohort.seq_delta) & 0xFFFF
        self.last_timestamp = (track.timestamp + self.cohort.ts_delta) & 0xFFFFFFFF
        self._packets, self._octets = self.counts(track)

    def counts(self, track: Track) -> tuple[int, int]:
        """Packets and octets sent so far, for sender reports."""
        return (
            self._packets + max(0, track.packets - self._packets_at),
            self._octets + max(0, track.octets - self._octets_at),
        )


class Subscriber(Session):
    """``on_joined`` runs when media can flow."""

    kind = AttachmentKind.SUBSCRIBE

    def __init__(
        self,
        *args: Any,
        streams: Mapping[str, Stream],
        sender: Sender,
        on_joined: Callable[[Subscriber], None],
    ) -> None:
        super().__init__(*args)
        self.context: Any = None  # the C session, once there is one
        self.slots: list[Slot] = []
        for media in self.offer.active:
            assert media.payload_type is not None
            video = media.kind == "video"
            slot = Slot(self, media.mid, video, media.payload_type, streams[media.mid])
            self.slots.append(slot)
        self.video = [slot for slot in self.slots if slot.video]
        self.audio = [slot for slot in self.slots if not slot.video]
        self.plan = Plan((None,) * len(self.video), (None,) * len(self.audio))
        self.bitrate = 0  # the last REMB, bits per second; 0 none
        self.lost = 0  # largest fraction lost in the last report, in 1/256
        self.resent = 0
        self._sender = sender
        self._on_joined = on_joined
        self._by_ssrc = {slot.ssrc: slot for slot in self.slots}
        self._second = 0
        self._resends = 0

    def on_ready(self) -> None:
        self.context = self.srtp.context
        self._on_joined(self)

    def rows(self) -> tuple[SlotState, ...]:
        """``slots`` as the wire shows them, in the order of the offer's media lines."""
        shown: dict[Slot, Shown | None] = dict(zip(self.video, self.plan.video, strict=True))
        shown |= dict(zip(self.audio, self.plan.audio, strict=True))
        return tuple(
            SlotState(
                number,
                slot.mid,
                what.person if (what := shown[slot]) is not None else None,
                what.source if what is not None else None,
            )
            for number, slot in enumerate(self.slots)
        )

    def on_srtp(self, data: bytes) -> None:
        if not 192 <= data[1] <= 223:
            return  # a receiver sends RTCP only
        try:
            plain = self.srtp.unprotect_rtcp(data)
        except private.SrtpError:
            return
        now = self.transport.mux.now
        for part in rtcp.parse(plain):
            if part.kind == rtcp.PSFB and part.fmt in (rtcp.PLI, rtcp.FIR):
                for ssrc in rtcp.media_ssrcs(part):
                    slot = self._by_ssrc.get(ssrc)
                    if slot is not None and slot.video and slot.track is not None:
                        slot.track.request_keyframe(now)
            elif part.kind == rtcp.RTPFB and part.fmt == rtcp.NACK:
                self._resend(part.body, now)
            elif part.kind == rtcp.PSFB and part.fmt == rtcp.AFB:
                self.bitrate = rtcp.remb_bitrate(part.body) or self.bitrate
            elif part.kind in (rtcp.RR, rtcp.SR):
                self.lost = max((b.fraction for b in rtcp.report_blocks(part)), default=0)

    def _resend(self, body: bytes, now: float) -> None:
        """Answer a NACK from the ring; at most RESEND_PER_S, silence beyond."""
        ssrc, sequences = rtcp.nacked(body)
        slot = self._by_ssrc.get(ssrc)
        if slot is None or slot.track is None or slot.cohort is None:
            return
        if int(now) != self._second:
            self._second, self._resends = int(now), 0
        track, cohort = slot.track, slot.cohort
        for sequence in sequences:
            behind = (track.highest + cohort.seq_delta - sequence) & 0xFFFF
            index = track.highest - behind
            packet = track.ring.get(index)
            if packet is None or index < slot.start:
                continue
            if self._resends >= RESEND_PER_S:
                return
            self._resends += 1
            self.resent += 1
            self._sender.burst(cohort, (packet,), (self,))
