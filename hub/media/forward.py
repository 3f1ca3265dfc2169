"""The hot loop: packets of one source to everyone who is shown it.

Slots whose packets look the same in plaintext form a *cohort*: same payload type, SSRC,
distance of sequence numbers and timestamps, same SRTP tag. A cohort's burst is laid out
once; per subscriber it is copied into one work buffer, protected there in place, and leaves
in one ``sendmsg`` with UDP_SEGMENT (Linux 4.18; segments of equal size, the last may be
shorter). What is left per packet is the cipher and the kernel.

Where a kernel or network card refuses segmentation the packets go singly from then on;
where pylibsrtp's binding is missing its public ``protect`` serves.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from hub.media import private

if TYPE_CHECKING:
    from hub.media.mux import Local
    from hub.media.subscriber import Slot, Subscriber

UDP_SEGMENT: Final = 103
#: the kernel takes 64 segments and 65,507 bytes; a frame seldom has 30 packets
MAX_SEGMENTS: Final = 44
MAX_BURST_BYTES: Final = 60_000
#: RTP padding evens out packets of a frame that differ by so little
MAX_PADDING: Final = 16
_HEAD: Final = struct.Struct("!BBHII")
_PADDING_BIT: Final = 0x20
_REFUSES_SEGMENTS: Final = {errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP}


class Packet(NamedTuple):
    """An RTP packet as it is kept and forwarded: no CSRCs, no header extensions."""

    number: int  # extended sequence number of the source
    first: int  # byte 0: version and padding bit
    marker: int  # 0x80 or 0
    timestamp: int
    rest: bytes  # payload and padding


class Cohort:
    """Slots of one source that take identical plaintext."""

    __slots__ = ("members", "payload_type", "seq_delta", "ssrc", "tag", "ts_delta")

    def __init__(self, payload_type: int, ssrc: int, seq_delta: int, ts_delta: int, tag: int):
        self.payload_type = payload_type
        self.ssrc = ssrc
        self.seq_delta = seq_delta
        self.ts_delta = ts_delta
        self.tag = tag
        self.members: dict[Slot, Subscriber] = {}

    def header(self, packet: Packet) -> bytes:
        return _HEAD.pack(
            packet.first,
            packet.marker | self.payload_type,
            (packet.number + self.seq_delta) & 0xFFFF,
            (packet.timestamp + self.ts_delta) & 0xFFFFFFFF,
            self.ssrc,
        )


def even_out(packets: list[Packet]) -> list[Packet]:
    """Pad packets up to MAX_PADDING bytes shorter than the longest; the last may stay short.

    RFC 3550 section 5.1: the last byte of the padding counts it. Done once, before a packet is
    kept: a retransmission must be the same bytes, for its nonce is the same.
    """
    if len(packets) < 2:
        return packets
    longest = max(len(packet.rest) for packet in packets)
    last = len(packets) - 1
    for place, packet in enumerate(packets):
        short = longest - len(packet.rest)
        if 0 < short <= MAX_PADDING and place != last and not packet.first & _PADDING_BIT:
            padding = bytes(short - 1) + bytes((short,))
            packets[place] = packet._replace(
                first=packet.first | _PADDING_BIT, rest=packet.rest + padding
            )
    return packets


def runs(packets: Sequence[Packet]) -> Iterator[Sequence[Packet]]:
    """Split into what one segmented send can carry: equal sizes, the last may be shorter."""
    start = 0
    for place in range(1, len(packets) + 1):
        if place < len(packets):
            size = len(packets[start].rest)
            if (
                len(packets[place].rest) <= size
                and len(packets[place - 1].rest) == size
                and place - start < MAX_SEGMENTS
                and (place - start + 2) * (size + 64) < MAX_BURST_BYTES
            ):
                continue
        yield packets[start:place]
        start = place


class Sender:
    """Sends bursts over the worker's socket and counts packets."""

    def __init__(self, udp: socket.socket) -> None:
        self._socket = udp
        self.segments = True  # the kernel takes UDP_SEGMENT
        self.sent = 0
        self.dropped = 0

    def send(self, cohorts: Iterable[Cohort], packets: Sequence[Packet]) -> None:
        """``packets`` of one source, in order, to all members of ``cohorts``."""
        for run in runs(packets):
            for cohort in cohorts:
                if cohort.members:
                    self.burst(cohort, run, cohort.members.values())

    def burst(self, cohort: Cohort, run: Sequence[Packet], members: Iterable[Subscriber]) -> None:
        """One run to ``members``, who belong to ``cohort``."""
        if len(run) > 1 and not self.segments:
            for packet in run:
                self.burst(cohort, (packet,), members)
        elif private.IN_PLACE:
            self._burst_in_place(cohort, run, members)
        else:
            self._burst_public(cohort, run, members)

    def _burst_in_place(
        self, cohort: Cohort, run: Sequence[Packet], members: Iterable[Subscriber]
    ) -> None:
        tag = cohort.tag
        stride = 12 + len(run[0].rest) + tag
        count = len(run)
        gap = bytes(tag)
        layout = gap.join([cohort.header(packet) + packet.rest for packet in run])
        filled = len(layout)
        total = filled + tag
        work = private.WORK
        out = memoryview(work)[:total]
        base = private.WORK_POINTER
        places = [(base + n * stride, 12 + len(packet.rest)) for n, packet in enumerate(run)]
        segment: Local = (
            ((socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", stride)),) if count > 1 else ()
        )
        protect = private.protect_in_place
        length = private.LENGTH
        sendmsg, sendto = self._socket.sendmsg, self._socket.sendto
        buffers = (out,)
        sent = 0
        for member in members:
            context = member.context
            work[:filled] = layout
            for pointer, size in places:
                length[0] = size
                protect(context, pointer, length)
            transport = member.transport
            address = transport.address
            if address is None:  # no path just now: its address was taken over
                self.dropped += count
                continue
            try:
                if count > 1 or transport.local:
                    sendmsg(buffers, segment + transport.local, 0, address)
                else:
                    sendto(out, address)
                sent += count
            except OSError as fault:
                self._lost(fault, count)
        self.sent += sent

    def _burst_public(
        self, cohort: Cohort, run: Sequence[Packet], members: Iterable[Subscriber]
    ) -> None:
        plain = [cohort.header(packet) + packet.rest for packet in run]
        stride = len(plain[0]) + cohort.tag
        segment: Local = (
            ((socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", stride)),) if len(run) > 1 else ()
        )
        for member in members:
            transport = member.transport
            if transport.address is None:
                self.dropped += len(run)
                continue
            try:
                protected = [member.srtp.protect(packet) for packet in plain]
                self._socket.sendmsg(protected, segment + transport.local, 0, transport.address)
                self.sent += len(run)
            except (*private.SrtpError, OSError) as fault:
                self._lost(fault, len(run))

    def _lost(self, fault: Exception, count: int) -> None:
        """A full socket drops, as a network does. A refusal of segments is remembered."""
        self.dropped += count
        if count > 1 and isinstance(fault, OSError) and fault.errno in _REFUSES_SEGMENTS:
            self.segments = False
