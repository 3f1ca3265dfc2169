"""What goes out for what comes in: no seam, no gap, no second use of a number, feedback."""

from __future__ import annotations

import asyncio
import socket
import time
from itertools import pairwise

import pytest

from hub.media import private, rtcp, track
from rooms.model import AttachmentKind, Source
from tests.media.driver import Heard, Stage, until

SO_NO_CHECK = 11  # Linux, asm-generic/socket.h


def sequences(packets: list[Heard]) -> list[int]:
    return [packet.sequence for packet in packets]


async def test_a_viewer_gets_picture_and_sound_unbroken_from_a_keyframe_on(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    host.video_sequence = 61_000
    await host.publish()
    await viewer.subscribe()
    await until(lambda: viewer.shown() == {"0": ("host", "camera"), "1": ("host", "microphone")})
    host.frame(keyframe=False)
    host.sound()
    await until(lambda: host.plis() == 1, why="a viewer without a keyframe asks for one")
    host.frame(keyframe=True)
    for _ in range(5):
        host.frame()
        host.sound()
    await until(lambda: len(viewer.heard.get("0", [])) == 12)
    await until(lambda: len(viewer.heard["1"]) == 6)
    video = viewer.heard["0"]
    assert video[0].payload[2:].startswith(b"host:61002:"), "the gate opens at the keyframe"
    assert video[0].sequence < 32_768
    assert sequences(video) == list(range(video[0].sequence, video[0].sequence + 12))
    assert [p.marker for p in video[:4]] == [False, True, False, True]
    assert video[2].timestamp - video[0].timestamp == 3000
    assert {p.payload_type for p in video} == {96}
    assert viewer.subscriber.slots == {"0": video[0].ssrc, "1": viewer.heard["1"][0].ssrc}


async def test_a_late_joiner_starts_from_the_kept_keyframe_without_asking(stage: Stage) -> None:
    host, first, second = (stage.browser(p) for p in ("host", "first", "second"))
    await host.publish()
    await first.subscribe()
    host.frame(keyframe=True)
    host.frame()
    await until(lambda: len(first.heard.get("0", [])) == 4)
    asked = host.plis()
    await second.subscribe()
    await until(lambda: len(second.heard.get("0", [])) == 4)
    assert [p.payload for p in second.heard["0"]] == [p.payload for p in first.heard["0"]]
    host.frame()
    await until(lambda: len(second.heard["0"]) == 6)
    assert sequences(second.heard["0"]) == list(range(*_span(second.heard["0"])))
    assert host.plis() == asked


def _span(packets: list[Heard]) -> tuple[int, int]:
    return packets[0].sequence, packets[0].sequence + len(packets)


async def test_an_old_keyframe_is_not_replayed_and_plis_are_throttled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "REPLAY_S", 0.0)
    host = stage.browser("host")
    await host.publish()
    host.frame(keyframe=True)
    await until(lambda: stage.engine.rooms["hall"].publishers["host"].tracks[Source.CAMERA].live)
    viewers = [stage.browser(f"v{n}") for n in range(5)]
    began = time.monotonic()
    for viewer in viewers:
        await viewer.subscribe()
        for _ in range(10):
            viewer.subscriber.send_rtcp(rtcp.pli(1, viewer.subscriber.slots["0"]))
    await until(lambda: host.plis() >= 1)
    await until(lambda: time.monotonic() - began > 1.2)
    assert host.plis() <= 1 + (time.monotonic() - began) / track.PLI_S
    assert not any(viewer.heard.get("0") for viewer in viewers)


async def test_a_switch_of_source_leaves_no_seam(stage: Stage) -> None:
    a, b, viewer = (stage.browser(p) for p in ("anna", "ben", "viewer"))
    await a.publish()
    await b.publish()
    await viewer.subscribe(["video"])
    b.video_sequence, b.ts = 61_000, 4_000_000_000
    await stage.pool.view("hall", "viewer", "anna", 4, False)
    await until(lambda: viewer.shown().get("0") == ("anna", "camera"))
    for person in (a, b):
        person.frame(keyframe=True)
    for _ in range(3):
        a.frame()
        b.frame()
    await until(lambda: len(viewer.got("0", "anna")) == 8)
    for who, other in ((b, "ben"), (a, "anna")):
        seen = len(viewer.got("0", other))
        await stage.pool.view("hall", "viewer", other, 4, False)
        await until(lambda other=other: viewer.shown().get("0") == (other, "camera"))
        who.frame()
        await until(lambda who=who: who.plis() or len(viewer.got("0", who.person)) > 8)
        who.frame(keyframe=True)
        who.frame()
        await until(lambda s=seen, o=other: len(viewer.got("0", o)) >= s + 4)
    packets = viewer.heard["0"]
    assert sequences(packets) == [(packets[0].sequence + n) & 0xFFFF for n in range(len(packets))]
    steps = [
        (after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)
    ]
    assert all(step < 90_000 * 5 for step in steps), "time goes forward, and not far"
    switches = [(x, y) for x, y in pairwise(packets) if x.payload[2:6] != y.payload[2:6]]
    assert switches
    assert all(y.timestamp != x.timestamp for x, y in switches)


async def test_no_sequence_number_of_a_slot_ever_carries_two_payloads(stage: Stage) -> None:
    """Two plaintexts under one SRTP index give away an AES-GCM key stream."""
    a, b, viewer = (stage.browser(p) for p in ("anna", "ben", "viewer"))
    await a.publish()
    await b.publish()
    await viewer.subscribe(["video"])
    held = a.video_sequence
    a.video_sequence += 1  # anna's first packet is late: it comes after the switch back to her
    for who in ("anna", "ben", "anna", "ben", "anna"):
        await stage.pool.view("hall", "viewer", who, 4, False)
        await until(lambda who=who: viewer.shown().get("0") == (who, "camera"))
        for person in (a, b):
            person.frame(keyframe=True, parts=3, size=300)
            person.frame(parts=3, size=295)
        await asyncio.sleep(0.02)
        if viewer.raw:
            slot = viewer.subscriber.slots["0"]
            newest = int.from_bytes(viewer.raw[-1][2:4], "big")
            wanted = [(newest - n) & 0xFFFF for n in range(40)]
            viewer.subscriber.send_rtcp(rtcp.nack(1, slot, wanted))
    newest, a.video_sequence = a.video_sequence, held
    a.video(False, False)
    a.video_sequence = newest
    a.frame(keyframe=True)
    b.frame(keyframe=True)
    mark = f"anna:{a.video_sequence - 1}:".encode()
    await until(lambda: mark in viewer.heard["0"][-1].payload, why="all that was sent has come")
    by_sequence: dict[bytes, set[bytes]] = {}
    for data in viewer.raw:
        by_sequence.setdefault(data[2:4], set()).add(data)
    assert viewer.refused > 10, "NACKs were answered with what had been sent before"
    assert all(len(packets) == 1 for packets in by_sequence.values())


async def test_nack_is_answered_from_the_ring_and_sent_upstream_for_a_gap(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish()
    await viewer.subscribe(["video"])
    viewer.lose = 1
    host.frame(keyframe=True, parts=4)
    await until(lambda: len(viewer.heard.get("0", [])) == 3)
    third = viewer.heard["0"][1]
    first = int.from_bytes(viewer.raw[0][2:4], "big")
    viewer.subscriber.send_rtcp(rtcp.nack(1, third.ssrc, [first]))
    await until(lambda: len(viewer.heard["0"]) == 4)
    assert viewer.heard["0"][3].sequence == first == third.sequence - 2
    assert viewer.raw[4] == viewer.raw[0]
    missing = host.video_sequence
    host.video_sequence += 1
    host.frame()
    await until(lambda: any(p.kind == rtcp.RTPFB for p in host.asked), why="a gap is NACKed")
    part = next(p for p in host.asked if p.kind == rtcp.RTPFB)
    assert rtcp.nacked(part.body) == (host.publisher.ssrcs["1"], [missing])
    after, host.video_sequence = host.video_sequence, missing
    host.video(False, False, False)
    host.video_sequence = after
    await until(lambda: len(viewer.heard["0"]) == 7, why="the late packet goes on to the viewer")
    late = viewer.heard["0"][6]
    assert late.sequence == third.sequence + 2


async def test_reports_go_up_and_sender_reports_come_down_translated(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish()
    await viewer.subscribe()
    host.frame(keyframe=True)
    host.sound()
    await until(lambda: len(viewer.heard.get("0", [])) == 2 and viewer.heard.get("1"))
    ntp = rtcp.ntp_now(time.time() - 1000)  # a publisher whose clock is off
    for mid, rtp_time in (("1", host.ts), ("0", (host.audio_sequence - 1) * 960)):
        host.publisher.send_rtcp(
            rtcp.sender_report(host.publisher.ssrcs[mid], ntp, rtp_time, 2, 400, b"x")
        )
    await until(lambda: sum(p.kind == rtcp.SR for p in viewer.rtcp) == 2)
    infos = {
        i.ssrc: i for p in viewer.rtcp if p.kind == rtcp.SR and (i := rtcp.sender_info(p.body))
    }
    picture = infos[viewer.subscriber.slots["0"]]
    sound = infos[viewer.subscriber.slots["1"]]
    assert picture.rtp == viewer.heard["0"][0].timestamp, "same instant, the slot's numbers"
    assert sound.rtp == viewer.heard["1"][0].timestamp
    assert picture.ntp == sound.ntp, "lips match"
    assert abs((picture.ntp >> 32) - rtcp.NTP_EPOCH - time.time()) < 2, "our clock"
    await until(lambda: any(p.fmt == rtcp.AFB for p in host.asked if p.kind == rtcp.PSFB))
    remb = [p for p in host.asked if p.kind == rtcp.PSFB and p.fmt == rtcp.AFB][-1]
    bitrate = rtcp.remb_bitrate(remb.body)
    assert bitrate and 2_000_000 < bitrate < 3_000_000
    await until(lambda: any(p.kind == rtcp.RR and p.fmt == 2 for p in host.asked))
    blocks = {b.ssrc: b for p in host.asked if p.kind == rtcp.RR for b in rtcp.report_blocks(p)}
    block = blocks[host.publisher.ssrcs["1"]]
    assert block.highest & 0xFFFF == host.video_sequence - 1
    assert (block.lost, block.fraction) == (0, 0)
    assert block.lsr == ntp >> 16 & 0xFFFFFFFF


async def test_the_slow_ways_forward_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No binding, no segmentation, another cipher: slower, never different."""
    host = stage.browser("host")
    viewers = [stage.browser(name) for name in ("gcm", "sha1")]
    await host.publish()
    await viewers[0].subscribe()
    # a viewer that knows only the older cipher: its own certificate, for contexts are kept
    stage.profiles = [p for p in private.PROFILES if b"SHA1" in p.openssl_profile]
    stage.certificate = private.Certificate.generateCertificate()
    await viewers[1].subscribe()
    assert [v.subscriber.srtp.tag for v in viewers] == [16, 10]
    expected = 0
    for in_place, segments in ((True, True), (True, False), (False, True), (False, False)):
        monkeypatch.setattr(private, "IN_PLACE", in_place)
        stage.engine.sender.segments = segments
        host.frame(keyframe=True, parts=5, size=1000)
        host.frame(parts=5, size=997)
        host.sound()
        expected += 10
        for viewer in viewers:
            await until(lambda v=viewer, n=expected: len(v.heard.get("0", [])) == n)
        assert stage.engine.sender.segments is segments
    one, other = (viewer.heard["0"] for viewer in viewers)
    assert [p.payload for p in one] == [p.payload for p in other]
    assert sequences(one) == list(range(*_span(one)))
    assert stage.engine.sender.dropped == 0


async def test_a_kernel_that_refuses_segments_gets_single_packets(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish()
    await viewer.subscribe(["video"])
    host.frame(keyframe=True, parts=1)
    await until(lambda: viewer.heard.get("0"))
    # Linux segments no UDP without checksums, as with a network card that cannot
    stage.engine.mux.socket.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    host.frame(parts=3)
    await until(lambda: not stage.engine.sender.segments)
    host.frame(parts=3)
    last = f"host:{host.video_sequence - 1}:".encode()
    await until(lambda: last in viewer.heard["0"][-1].payload)
    assert len(viewer.heard["0"]) >= 4


async def test_a_stream_that_starts_over_goes_on_in_its_slots(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish()
    await viewer.subscribe(["video"])
    host.video_sequence = 20_000
    host.frame(keyframe=True)
    await until(lambda: len(viewer.heard.get("0", [])) == 2)
    host.video_sequence, host.ts = 40_100, 77  # SRTP takes it for progress, we for the past
    for _ in range(track.STALE_LIMIT):
        host.frame()
    host.frame(keyframe=True)
    await until(lambda: len(viewer.heard["0"]) >= 4)
    host.frame()
    await until(lambda: viewer.heard["0"][-1].payload[2:].startswith(b"host:40163"))
    assert len({p.sequence for p in viewer.heard["0"]}) == len(viewer.heard["0"])


async def test_an_unannounced_ssrc_is_known_by_its_payload_type_or_not_at_all(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    host.publisher = peer = stage.peer()
    lines = peer.offer(["audio", "video"], "sendonly").split("\r\n")
    offer = "\r\n".join(line for line in lines if "ssrc:" not in line)
    await peer.connect(await stage.offer("host", AttachmentKind.PUBLISH, offer))
    await viewer.subscribe(["video"])
    host.frame(keyframe=True)
    await until(lambda: viewer.got("0", "host"))
    learned, peer.ssrcs["1"] = peer.ssrcs["1"], 4242
    host.frame(keyframe=True)
    peer.ssrcs["1"] = learned
    host.video_sequence = 1002
    host.frame()
    await until(lambda: len(viewer.heard["0"]) >= 4)
    assert len(viewer.heard["0"]) == 4
