"""What a room of synthetic browsers sees: forwarding, switching, feedback, ends."""

from __future__ import annotations

import asyncio
import struct
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from hub.media import private, rtcp, track
from hub.media.peer import NotConnected
from hub.ports import Renewal, SessionEnded, SpeakingChanged
from rooms.errors import Code, Refusal
from rooms.model import AttachmentKind, Source
from tests.media.driver import Heard, Stage, until


def sequences(packets: list[Heard]) -> list[int]:
    return [packet.sequence for packet in packets]


async def test_a_viewer_gets_picture_and_sound_unbroken_from_a_keyframe_on(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
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
    assert video[0].payload[2:].startswith(b"host:1002:"), "the gate opens at the keyframe"
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
    for who in ("anna", "ben", "anna", "ben"):
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
    await until(lambda: len(viewer.heard["0"]) > 20)
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


async def test_the_loudest_speaker_moves_to_the_main_slot(stage: Stage) -> None:
    a, b, viewer = (stage.browser(p) for p in ("anna", "ben", "viewer"))
    await a.publish()
    await b.publish()
    await viewer.subscribe(["video", "video", "audio", "audio"])
    await asyncio.gather(a.talk(0.5, 30), b.talk(0.5, 127))
    await until(lambda: viewer.shown().get("0") == ("anna", "camera"))
    assert viewer.shown()["1"] == ("ben", "camera")
    assert viewer.shown()["2"] == ("anna", "microphone")
    await asyncio.gather(a.talk(1.6, 127), b.talk(1.6, 25))
    await until(lambda: viewer.shown()["0"] == ("ben", "camera"))
    assert viewer.shown()["1"] == ("anna", "camera")
    assert viewer.shown()["2"] == ("ben", "microphone")
    assert stage.of(SpeakingChanged)[-1].ids[0] == "ben"


async def test_nobody_is_shown_to_themselves_and_muted_sources_go_nowhere(stage: Stage) -> None:
    a, b = stage.browser("anna"), stage.browser("ben")
    await a.publish()
    await b.publish()
    await a.subscribe(["video", "video", "audio"])
    await until(lambda: a.shown().get("0") == ("ben", "camera"))
    assert a.shown()["1"] == (None, None)
    await stage.pool.muted("hall", "ben", Source.CAMERA, True)
    await until(lambda: a.shown()["0"] == ("ben", None))
    b.frame(keyframe=True)
    b.sound()
    await until(lambda: a.heard.get("2"))
    assert not a.heard.get("0")
    await stage.pool.muted("hall", "ben", Source.CAMERA, False)
    await until(lambda: a.shown()["0"] == ("ben", "camera"))
    b.frame(keyframe=True)
    await until(lambda: a.got("0", "ben"))
    assert not a.got("0", "anna")


async def test_a_screen_takes_the_main_slot_and_the_camera_goes_beside_it(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    named = {"0": Source.MICROPHONE, "1": Source.CAMERA, "2": Source.SCREEN}
    await host.publish(["audio", "video", "video"], sources=named)
    await viewer.subscribe(["video", "video"])
    await until(lambda: viewer.shown() == {"0": ("host", "screen"), "1": ("host", "camera")})
    host.frame(keyframe=True, mid="2")
    await until(lambda: viewer.heard.get("0"))


async def test_a_lost_or_unconfirmed_seat_stops_the_stream(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, viewer, other = (stage.browser(p) for p in ("host", "viewer", "other"))
    await host.publish()
    await viewer.subscribe()
    await other.subscribe()
    lost = Renewal("hall", "viewer", AttachmentKind.SUBSCRIBE, "subscribe-viewer")
    stale = Renewal("hall", "other", AttachmentKind.SUBSCRIBE, "an older one")
    await stage.pool.renewed([], [lost, stale])
    await until(lambda: viewer.subscriber.closed_by_peer)
    host.frame(keyframe=True)
    await until(lambda: other.got("0", "host"))
    assert not viewer.heard.get("0")
    monkeypatch.setattr("hub.media.engine.CONFIRM_S", 0.5)
    kept = Renewal("hall", "host", AttachmentKind.PUBLISH, "publish-host")
    deadline = time.monotonic() + 5
    while not stage.of(SessionEnded) and time.monotonic() < deadline:
        await stage.pool.renewed([kept], [])
        await asyncio.sleep(0.05)
    assert [(e.person, e.kind) for e in stage.of(SessionEnded)] == [("other", "subscribe")]
    assert stage.pool.live("hall")


async def test_consent_that_ends_ends_the_session(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.media.engine.CONSENT_S", 1.0)
    host = stage.browser("host")
    await host.publish()
    assert stage.pool.live("hall")
    host.publisher.silence()
    await until(lambda: stage.of(SessionEnded))
    ended = stage.of(SessionEnded)[0]
    assert (ended.person, ended.kind, ended.attachment) == ("host", "publish", "publish-host")
    assert ended.silent_ms >= 1000
    await until(lambda: not stage.pool.live("hall"))
    assert len(stage.engine.mux) == 0


async def test_a_second_offer_replaces_and_a_restart_keeps_the_session(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish()
    await viewer.subscribe(["video"])
    host.frame(keyframe=True)
    await until(lambda: len(viewer.heard.get("0", [])) == 2)
    peer = viewer.subscriber
    old = peer.ufrag
    peer.ufrag, peer.password = "restarted", "x" * 24
    text = peer.offer(["video"], "recvonly")
    answer = await stage.offer("viewer", AttachmentKind.SUBSCRIBE, text, restart=True)
    peer.checks_answered = 0
    peer.check()  # with the old credentials: they ended
    peer.accept(answer)
    peer.check()
    await until(lambda: peer.checks_answered == 1)
    host.frame()
    await until(lambda: len(viewer.heard["0"]) == 4, why="the same SRTP goes on")
    assert old not in answer
    await viewer.subscribe(["video"], id="second")
    await until(lambda: peer.closed_by_peer)
    assert stage.engine.rooms["hall"].subscribers["viewer"].attachment == "second"
    changed = stage.peer().offer(["video"], "recvonly").replace("a=mid:0", "a=mid:7")
    with pytest.raises(Refusal) as refusal:
        await stage.offer("viewer", AttachmentKind.SUBSCRIBE, changed, restart=True)
    assert refusal.value.code is Code.BAD_MESSAGE
    host.frame(keyframe=True)
    before = len(viewer.heard["0"])
    await until(lambda: len(viewer.heard["0"]) > before, why="a refused restart changes nothing")


async def test_a_passive_offer_is_answered_active_and_a_wrong_certificate_is_refused(
    stage: Stage,
) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish(setup="passive")
    await viewer.subscribe(["video"])
    host.frame(keyframe=True)
    await until(lambda: viewer.got("0", "host"))
    peer = stage.peer()
    sdp = peer.offer(["video"], "recvonly")
    mine = peer.certificate.sha256
    forged = sdp.replace(mine, mine[:-2] + ("00" if mine[-2:] != "00" else "01"))
    answer = await stage.offer("mallory", AttachmentKind.SUBSCRIBE, forged)
    with suppress(NotConnected):  # refused during the handshake; else right after it
        await peer.connect(answer)
    await until(lambda: any(e.person == "mallory" for e in stage.of(SessionEnded)))


async def test_nothing_live_is_refused_and_changes_nothing(stage: Stage) -> None:
    sdp = stage.peer().offer(["video"], "recvonly")
    with pytest.raises(Refusal) as refusal:
        await stage.offer("viewer", AttachmentKind.SUBSCRIBE, sdp, need_live=True)
    assert refusal.value.code is Code.NOTHING_LIVE
    assert refusal.value.retry_after_ms
    assert not stage.engine.rooms
    assert len(stage.engine.mux) == 0


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


async def test_hostile_media_and_rtcp_are_survived(stage: Stage) -> None:
    host, viewer = stage.browser("host"), stage.browser("viewer")
    await host.publish()
    await viewer.subscribe()
    ssrc = host.publisher.ssrcs["1"]
    head = struct.pack("!BBHII", 0x80, 96, 1, 1, ssrc)
    for plain in (
        b"\x90"
        + struct.pack("!BHII", 111, 1, 1, host.publisher.ssrcs["0"])
        + b"\xbe\xde\0\1\x1f\0\0\0",
        head,
        struct.pack("!BBHII", 0x80, 96, 1, 1, 12345) + b"unknown ssrc",
    ):
        host.publisher.send_rtp(plain)
    slot = viewer.subscriber.slots["0"]
    for compound in (
        struct.pack("!BBH", 0x81, rtcp.RTPFB, 60_000) + bytes(8),
        struct.pack("!BBHII", 0x81, rtcp.RTPFB, 2, 1, slot),
        struct.pack("!BBHII", 0x84, rtcp.PSFB, 2, 1, slot),
        struct.pack("!BBHI", 0x9F, rtcp.RR, 1, 1),
        b"\x81" * 40,
    ):
        viewer.subscriber.send_rtcp(compound)
    for number in range(600):
        viewer.subscriber.send_rtcp(rtcp.nack(1, slot, [number * 100 & 0xFFFF]))
    host.frame(keyframe=True)
    await until(lambda: viewer.got("0", "host"))
