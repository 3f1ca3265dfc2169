"""What a room of synthetic browsers sees: slots, speakers, sessions and how they end."""

from __future__ import annotations

import asyncio
import struct
import time
from contextlib import suppress

import pytest

from hub.media import rtcp
from hub.media.peer import NotConnected
from hub.ports import Renewal, SessionEnded, SpeakingChanged
from rooms.errors import Code, Refusal
from rooms.model import AttachmentKind, Source
from tests.media.driver import Stage, until


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
    await stage.pool.view("hall", "viewer", "host", 0, True)
    await until(lambda: viewer.shown().get("0") == ("host", None))
    await viewer.subscribe(["video"], id="second")
    await until(lambda: viewer.subscriber.connected)
    assert viewer.shown().get("0") == ("host", None), "the view asked for stays"
    await stage.pool.view("hall", "viewer", "auto", 4, False)
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
