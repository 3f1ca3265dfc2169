"""Parsing and laying out packets: header extensions, keyframes, runs, RTCP."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from hypothesis import given
from hypothesis import strategies as st

from hub.media import rtcp
from hub.media.forward import MAX_SEGMENTS, Packet, even_out, runs
from hub.media.ring import Ring
from hub.media.track import extension, is_keyframe, payload_start

HEAD = struct.pack("!BHII", 96, 1, 2, 3)


@pytest.mark.parametrize(
    ("packet", "start", "one"),
    [
        (b"\x80" + HEAD + b"p", 12, None),
        (b"\x82" + HEAD + bytes(8) + b"p", 20, None),
        (b"\x90" + HEAD + b"\xbe\xde\0\1\x10\x7f\0\0" + b"p", 20, b"\x7f"),
        (b"\x90" + HEAD + b"\xbe\xde\0\2\x21abc\x10\x7f\0\0"[:12] + b"p", 24, None),
        (b"\x90" + HEAD + b"\x10\0\0\1\x01\x01\x7e\0" + b"p", 20, b"\x7e"),
        (b"\x90" + HEAD + b"\xbe\xde\0\1\0\0\x10\x7d" + b"p", 20, b"\x7d"),
        (b"\x90" + HEAD + b"\xbe\xde\0\1\x1fabc" + b"p", 20, None),  # longer than the block
        (b"\x90" + HEAD + b"\xbe\xde\0\1\xf0\x10\x7f\0" + b"p", 20, None),  # 15 ends it
        (b"\x90" + HEAD + b"\xbe\xde\xff\xff", 0, None),
        (b"\x8f" + HEAD, 0, None),
        (b"\x40" + HEAD, 0, None),
        (b"\x80", 0, None),
    ],
)
def test_header_extensions_and_payload(packet: bytes, start: int, one: bytes | None) -> None:
    assert payload_start(packet) == start
    if start:
        assert extension(packet, 1) == one


@given(st.binary(min_size=12, max_size=80))
def test_no_packet_trips_the_parser(packet: bytes) -> None:
    start = payload_start(packet)
    assert 0 <= start <= len(packet)
    if start:
        found = extension(packet, 1)
        assert found is None or found in packet
        is_keyframe(packet[start:])


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (b"\x10\x00", True),
        (b"\x10\x01", False),
        (b"\x00\x00", False),  # not the start of the partition
        (b"\x11\x00", False),  # another partition
        (b"\x90\x80\x05\x00", True),  # 7-bit picture id
        (b"\x90\x80\x85\x05\x00", True),  # 15-bit picture id
        (b"\x90\xe0\x85\x05\x01\x20\x00", True),  # and TL0PICIDX and TID
        (b"\x90\xe0\x85\x05\x01\x20\x01", False),
        (b"\x90", False),
        (b"\x90\x80", False),
        (b"", False),
    ],
)
def test_vp8_keyframes(payload: bytes, key: bool) -> None:
    assert is_keyframe(payload) is key


def packets(*sizes: int) -> list[Packet]:
    return [Packet(n, 0x80, 0, 0, b"v" * size) for n, size in enumerate(sizes)]


def test_padding_evens_out_a_frame_and_can_be_taken_off_again() -> None:
    even = even_out(packets(1000, 999, 984, 983, 1000, 40))
    assert [len(p.rest) for p in even] == [1000, 1000, 1000, 983, 1000, 40]
    assert [p.first & 0x20 for p in even] == [0, 0x20, 0x20, 0, 0, 0]
    assert [p.rest[-1] for p in even[1:3]] == [1, 16]
    assert even[2].rest[: -even[2].rest[-1]] == b"v" * 984
    assert [len(p.rest) for p in even_out(packets(1000, 990))] == [1000, 990], "the last may stay"
    padded = [packets(100)[0]._replace(first=0xA0), *packets(101, 101)[1:]]
    assert even_out(padded)[0].rest == b"v" * 100, "already padded: left alone"


@given(st.lists(st.integers(1, 1400), max_size=120))
def test_runs_keep_the_order_and_what_the_kernel_demands(sizes: list[int]) -> None:
    before = packets(*sizes)
    split = [list(run) for run in runs(before)]
    assert [packet for run in split for packet in run] == before
    for run in split:
        assert 1 <= len(run) <= MAX_SEGMENTS
        assert len({len(packet.rest) for packet in run[:-1]}) <= 1
        assert len(run[-1].rest) <= len(run[0].rest)
        assert sum(len(packet.rest) + 28 for packet in run) < 65_507


def test_the_ring_forgets_and_never_mistakes_one_lap_for_another() -> None:
    ring = Ring(8)
    kept = packets(*[5] * 20)
    for packet in kept:
        ring.put(packet)
    assert ring.get(11) is None
    assert ring.get(12) == kept[12]
    assert ring.get(20) is None
    assert ring.span(14, 19) == kept[14:]
    assert ring.span(11, 19) == []
    assert ring.span(10, 30) == []


def test_rtcp_is_what_another_implementation_reads() -> None:
    (nack,) = RtcpPacket.parse(rtcp.nack(7, 9, [65_534, 65_535, 0, 14, 15, 100]))
    assert isinstance(nack, RtcpRtpfbPacket)
    assert (nack.ssrc, nack.media_ssrc) == (7, 9)
    assert sorted(n & 0xFFFF for n in nack.lost) == [0, 14, 15, 100, 65_534, 65_535]
    (pli,) = RtcpPacket.parse(rtcp.pli(7, 9))
    assert isinstance(pli, RtcpPsfbPacket)
    assert (pli.fmt, pli.media_ssrc) == (1, 9)
    (remb,) = RtcpPacket.parse(rtcp.remb(7, 2_564_000, [9, 10]))
    assert isinstance(remb, RtcpPsfbPacket)
    bitrate, ssrcs = unpack_remb_fci(remb.fci)
    assert abs(bitrate - 2_564_000) < 16 and ssrcs == [9, 10]
    block = rtcp.ReportBlock(9, 3, 0xFFFFFE, 70_000, 11, 12, 13)
    (report,) = RtcpPacket.parse(rtcp.receiver_report(7, [block]))
    assert isinstance(report, RtcpRrPacket)
    (read,) = report.reports
    assert (read.ssrc, read.fraction_lost, read.packets_lost) == (9, 3, -2)
    assert (read.highest_sequence, read.jitter, read.lsr, read.dlsr) == (70_000, 11, 12, 13)
    sender, _ = RtcpPacket.parse(rtcp.sender_report(9, 1 << 40, 5, 6, 7, b"name"))
    assert isinstance(sender, RtcpSrPacket)
    info = sender.sender_info
    assert (info.ntp_timestamp, info.rtp_timestamp) == (1 << 40, 5)
    assert (info.packet_count, info.octet_count) == (6, 7)


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=40, unique=True))
def test_nack_round_trip(sequences: list[int]) -> None:
    (part,) = rtcp.parse(rtcp.nack(1, 2, sequences))
    ssrc, found = rtcp.nacked(part.body)
    assert ssrc == 2
    assert sorted(set(found)) == sorted(sequences)


@given(st.binary(max_size=300))
def test_no_rtcp_trips_the_parser(data: bytes) -> None:
    for part in rtcp.parse(data):
        rtcp.media_ssrcs(part)
        assert len(rtcp.nacked(part.body)[1]) <= rtcp.MAX_NACKS
        rtcp.remb_bitrate(part.body)
        rtcp.sender_info(part.body)
        assert len(list(rtcp.report_blocks(part))) <= 31
