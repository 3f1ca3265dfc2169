"""One published source: what arrives, what is kept, and to whom it goes.

Receiving: extended sequence numbers, loss and jitter for receiver reports (RFC 3550 6.4.1
and A.3, A.8), missing packets asked for again (NACK), keyframes found and asked for (PLI, at
most one in PLI_S). Forwarding: slots wait for a keyframe (video) or the next packet (audio),
then belong to a cohort. A slot's output is the input shifted by a constant, so loss and
reordering pass through as they are, and a NACKed number maps back without a table.

Timestamps are shifted once per source onto the worker's clock, so that a slot that changes
source goes on where it would have been.

What must never happen is two different packets under one sequence number of a slot: with
AES-GCM that gives away the key stream. Hence ``Slot.start``: nothing from before the change is
ever sent to that slot, and retransmissions are the kept bytes.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from hub.media import rtcp
from hub.media.forward import Cohort, Packet, Sender, even_out, runs
from hub.media.ring import AUDIO_PACKETS, VIDEO_PACKETS, Ring
from rooms.model import Source

if TYPE_CHECKING:
    from hub.media.publisher import Publisher
    from hub.media.subscriber import Slot

PLI_S: Final = 0.5
REPLAY_S: Final = 1.0
NACK_RETRY_S: Final = 0.06
NACK_TRIES: Final = 8
MAX_MISSING: Final = 256
#: a stream whose numbers jump back is another stream after so many packets
STALE_LIMIT: Final = 30
MAX_PENDING: Final = 512
_HEAD: Final = struct.Struct("!BBHII")


def _number(packet: Packet) -> int:
    return packet.number


def payload_start(data: bytes) -> int:
    """Where the payload of an RTP packet begins; 0 when the packet is malformed."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return 0
    start = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        if start + 4 > len(data):
            return 0
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    return start if start <= len(data) else 0


def extension(data: bytes, wanted: int) -> bytes | None:
    """The header extension with id ``wanted`` (RFC 8285, one- and two-byte forms)."""
    if not data[0] & 0x10:
        return None
    at = 12 + 4 * (data[0] & 15)
    profile = int.from_bytes(data[at : at + 2], "big")
    end = payload_start(data)
    at += 4
    two = profile & 0xFFF0 == 0x1000
    if not two and profile != 0xBEDE:
        return None
    while at < end:
        number = data[at] if two else data[at] >> 4
        if number == 0:
            at += 1
            continue
        if two:
            if at + 2 > end:
                return None
            size, at = data[at + 1], at + 2
        else:
            if number == 15:
                return None
            size, at = (data[at] & 15) + 1, at + 1
        if number == wanted:
            return data[at : at + size] if at + size <= end else None
        at += size
    return None


def is_keyframe(payload: bytes) -> bool:
    """Whether a VP8 payload starts a keyframe (RFC 7741 section 4.2 and 4.3)."""
    if not payload or payload[0] & 0x17 != 0x10:  # S set, partition 0
        return False
    at = 1
    if payload[0] & 0x80:
        if len(payload) < 2:
            return False
        flags = payload[1]
        at = 2
        if flags & 0x80:
            if len(payload) < 3:
                return False
            at += 2 if payload[2] & 0x80 else 1
        at += 1 if flags & 0x40 else 0
        at += 1 if flags & 0x30 else 0
    return len(payload) > at and not payload[at] & 1


class Track:
    """``live`` turns true with the first packet."""

    def __init__(self, publisher: Publisher, source: Source, payload_type: int, level_id: int):
        self.publisher = publisher
        self.source = source
        self.video = source is not Source.MICROPHONE
        self.clock = 90_000 if self.video else 48_000
        self.payload_type = payload_type
        self.level_id = level_id  # RFC 6464 header extension; 0: none
        self.ssrc = 0
        self.live = False
        self.cohorts: dict[tuple[int, int, int, int, int], Cohort] = {}
        self.waiting: dict[Slot, None] = {}
        self.ring = Ring(VIDEO_PACKETS if self.video else AUDIO_PACKETS)
        self.highest = 0
        self.timestamp = 0  # of the highest
        self.heard = 0.0  # monotonic, when the highest came
        self.packets = 0
        self.octets = 0
        self.ts_delta = 0
        self.keyframe: int | None = None  # index of its first packet
        self.keyframe_at = 0.0
        self.plis = 0
        self._pli_at = -PLI_S
        self._pli_wanted = False
        self._pending: list[Packet] = []
        self._missing: dict[int, tuple[float, int]] = {}  # index -> (last asked, tries)
        self._stale = 0
        self._base = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._transit = 0.0
        self._sr: tuple[int, float] | None = None  # NTP of the last SR, when it came

    # --- in ---------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> bool:
        """Take a decrypted packet; it goes out at ``flush``. False: malformed, not taken."""
        start = payload_start(data)
        if not start or len(self._pending) >= MAX_PENDING:
            return False
        first, second, sequence, timestamp, _ = _HEAD.unpack_from(data)
        if not self.live:
            self._begin(sequence, timestamp, now)
        index = self.highest + (((sequence - self.highest) & 0xFFFF) ^ 0x8000) - 0x8000
        self._received += 1
        transit = now * self.clock - timestamp
        if self._received > 1:
            # RFC 3550 A.8; a wrapped timestamp gives one wild value, which must not count
            difference = abs(transit - self._transit)
            if difference < self.clock * 10:
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit
        packet = Packet(index, first & 0xA0, second & 0x80, timestamp, data[start:])
        self._pending.append(packet)
        return True

    def _begin(self, sequence: int, timestamp: int, now: float) -> None:
        # 65536 keeps the index positive when the first packets come out of order
        self.highest = 65_536 + sequence - 1
        self._base = self.highest + 1
        self.timestamp = timestamp
        self.heard = now
        self.ts_delta = (int(now * self.clock) - timestamp) & 0xFFFFFFFF
        self.live = True

    def flush(self, sender: Sender, now: float) -> None:
        """Send what has come since the last flush; a frame's packets leave together."""
        pending, self._pending = self._pending, []
        pending.sort(key=_number)
        fresh: list[Packet] = []
        for packet in pending:
            ahead = packet.number - (fresh[-1].number if fresh else self.highest)
            if ahead > 0:
                if ahead > 1 and self.packets:
                    self._note_missing(packet.number - ahead + 1, packet.number, now)
                fresh.append(packet)
            elif not fresh:
                self._late(packet, sender, now)
        if fresh:
            self._stale = 0
            self._forward(even_out(fresh) if self.video else fresh, sender, now)
        if self._missing:
            self.ask_again(now)
        if self._pli_wanted:
            self.request_keyframe(now)

    def _forward(self, fresh: list[Packet], sender: Sender, now: float) -> None:
        keyframe: int | None = None
        for place, packet in enumerate(fresh):
            self.ring.put(packet)
            self.octets += len(packet.rest)
            if self.video and is_keyframe(packet.rest):
                keyframe = place
                self.keyframe, self.keyframe_at = packet.number, now
        begin = keyframe if self.video else 0
        if self.waiting and begin is not None:
            if begin:
                self._send(fresh[:begin], sender, now)
            self._advance(fresh[begin - 1] if begin else None, begin, now)
            for slot in list(self.waiting):
                self._activate(slot, fresh[begin], now)
            self._send(fresh[begin:], sender, now)
            self._advance(fresh[-1], len(fresh) - begin, now)
        else:
            self._send(fresh, sender, now)
            self._advance(fresh[-1], len(fresh), now)
            if self.waiting:
                self.request_keyframe(now)

    def _send(self, packets: list[Packet], sender: Sender, now: float) -> None:
        if self.cohorts:
            sender.send(self.cohorts.values(), packets)

    def _advance(self, last: Packet | None, count: int, now: float) -> None:
        if last is not None:
            self.highest, self.timestamp, self.heard = last.number, last.timestamp, now
            self.packets += count

    def _late(self, packet: Packet, sender: Sender, now: float) -> None:
        """A reordered or retransmitted packet: to those slots that had it coming."""
        self._missing.pop(packet.number, None)
        if packet.number <= self.highest - 512:
            self._stale += 1
            if self._stale > STALE_LIMIT:
                self._begin_again(packet, now)
            return
        if self.ring.get(packet.number) is not None:
            return
        self.ring.put(packet)
        for cohort in self.cohorts.values():
            members = [sub for slot, sub in cohort.members.items() if packet.number >= slot.start]
            sender.burst(cohort, (packet,), members)

    def _begin_again(self, packet: Packet, now: float) -> None:
        """The publisher's numbers started over: every slot goes on from where it is."""
        slots = [slot for cohort in self.cohorts.values() for slot in cohort.members]
        for slot in slots:
            self.detach(slot)
        self._missing.clear()
        self.keyframe = None
        self._stale = 0
        self._received = self._received_before = self._expected_before = 0
        self._begin(packet.number & 0xFFFF, packet.timestamp, now)
        # A new range of indices: nothing kept from before can be taken for it.
        self.ring = Ring(VIDEO_PACKETS if self.video else AUDIO_PACKETS)
        for slot in slots:
            self.attach(slot, None, now)

    # --- slots --------------------------------------------------------------------------------

    def attach(self, slot: Slot, sender: Sender | None, now: float) -> None:
        """Show this source in ``slot``: from the kept keyframe on if it is fresh, else from
        the next one, which is asked for."""
        slot.track = self
        self.waiting[slot] = None
        if not self.video:
            return
        if sender is not None and self.keyframe is not None and now - self.keyframe_at <= REPLAY_S:
            packets = self.ring.span(self.keyframe, self.highest)
            if packets:
                self._activate(slot, packets[0], now)
                assert slot.cohort is not None
                member = (slot.subscriber,)
                for run in runs(packets):
                    sender.burst(slot.cohort, run, member)
                return
        self.request_keyframe(now)

    def detach(self, slot: Slot) -> None:
        """Stop; the slot remembers where its numbers were."""
        self.waiting.pop(slot, None)
        cohort = slot.cohort
        if cohort is not None:
            cohort.members.pop(slot, None)
            if not cohort.members:
                self.cohorts = {k: c for k, c in self.cohorts.items() if c is not cohort}
            slot.leave(self)
        slot.track = None
        slot.cohort = None

    def _activate(self, slot: Slot, first: Packet, now: float) -> None:
        self.waiting.pop(slot, None)
        sequence = first.number & 0xFFFF
        frame = self.clock // (30 if self.video else 50)
        ts_delta = self.ts_delta
        if slot.last_sequence is None:
            # Below 32768, so that losing the first packets cannot hide a wrap from SRTP's
            # rollover counter (RFC 3711 section 3.3.1).
            seq_delta = sequence & 0x8000  # 32768 more, modulo 65536, clears the top bit
        else:
            seq_delta = (slot.last_sequence + 1 - sequence) & 0xFFFF
            ahead = (first.timestamp + ts_delta - slot.last_timestamp) & 0xFFFFFFFF
            if ahead == 0 or ahead >= 1 << 31:
                ts_delta = (slot.last_timestamp + frame - first.timestamp) & 0xFFFFFFFF
        key = (slot.payload_type, slot.ssrc, seq_delta, ts_delta, slot.subscriber.srtp.tag)
        cohort = self.cohorts.get(key)
        if cohort is None:
            cohort = self.cohorts[key] = Cohort(*key)
        slot.enter(self, cohort, first.number)
        cohort.members[slot] = slot.subscriber

    # --- feedback -----------------------------------------------------------------------------

    def request_keyframe(self, now: float) -> None:
        """Ask the publisher (PLI), at most once in PLI_S for all who wait together."""
        if not self.live or now - self._pli_at < PLI_S:
            self._pli_wanted = True
            return
        self._pli_at, self._pli_wanted = now, False
        self.plis += 1
        self.publisher.send_rtcp(rtcp.pli(self.publisher.ssrc, self.ssrc))

    def tick(self, now: float) -> None:
        """Every 50 ms or so: what was put off."""
        if self._pli_wanted and (self.waiting or self.cohorts):
            self.request_keyframe(now)
        if self._missing:
            self.ask_again(now)

    def _note_missing(self, first: int, end: int, now: float) -> None:
        if end - first > MAX_MISSING:
            self._missing.clear()
            self._pli_wanted = self.video
            return
        for index in range(first, end):
            if len(self._missing) >= MAX_MISSING:
                break
            self._missing[index] = (-1.0, 0)

    def ask_again(self, now: float) -> None:
        """NACK what is missing and has not been asked for within NACK_RETRY_S."""
        due: list[int] = []
        for index, (asked, tries) in list(self._missing.items()):
            if tries >= NACK_TRIES or index < self.highest - 512:
                del self._missing[index]
                if self.video:
                    self._pli_wanted = True  # it will not come: decoders need a keyframe
            elif now - asked >= NACK_RETRY_S:
                self._missing[index] = (now, tries + 1)
                due.append(index & 0xFFFF)
        if due:
            self.publisher.send_rtcp(rtcp.nack(self.publisher.ssrc, self.ssrc, due))

    def report(self, now: float) -> rtcp.ReportBlock:
        """The block of the next receiver report (RFC 3550 A.3)."""
        expected = self.highest + 1 - self._base
        lost = max(-0x800000, min(0x7FFFFF, expected - self._received))
        interval = expected - self._expected_before
        gone = interval - (self._received - self._received_before)
        fraction = max(0, min(255, (gone << 8) // interval)) if interval > 0 else 0
        self._expected_before, self._received_before = expected, self._received
        lsr = dlsr = 0
        if self._sr is not None:
            lsr = self._sr[0] >> 16 & 0xFFFFFFFF
            dlsr = int((now - self._sr[1]) * 65_536) & 0xFFFFFFFF
        highest = (self.highest - 65_536) & 0xFFFFFFFF
        return rtcp.ReportBlock(
            self.ssrc, fraction, lost & 0xFFFFFF, highest, int(self._jitter), lsr, dlsr
        )

    def sender_report(self, info: rtcp.SenderInfo, ntp: int, now: float) -> None:
        """Pass the publisher's report on in every slot's own numbers, on our clock's ``ntp``."""
        self._sr = (info.ntp, now)
        for cohort in self.cohorts.values():
            rtp = (info.rtp + cohort.ts_delta) & 0xFFFFFFFF
            for slot, subscriber in cohort.members.items():
                packets, octets = slot.counts(self)
                subscriber.send_rtcp(
                    rtcp.sender_report(slot.ssrc, ntp, rtp, packets, octets, slot.cname)
                )


def wall_offset(info: rtcp.SenderInfo) -> int:
    """What to add to a publisher's NTP times to get ours; constant for its sound and picture."""
    return rtcp.ntp_now(time.time()) - info.ntp
