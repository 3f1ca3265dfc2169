"""Media by the WebSocket, against a real media worker: seats, stage, and what ends a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hub.live.media import Session
from hub.media import private
from hub.media.client import open_media
from hub.media.peer import OPUS, VP8, Peer, rtp, vp8
from hub.media.worker import Worker
from rooms.errors import Code, Refusal
from rooms.model import AttachmentKind, Identity, Role
from rooms.notices import DetachedNotice
from tests.live.driver import Client, Hub, make_config, serving, until
from tests.media.driver import SECRET, First

SOURCES = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]


@dataclass
class Studio:
    hub: Hub
    other: Hub
    worker: Worker
    certificate: Any = field(default_factory=private.Certificate.generateCertificate)
    peers: list[Peer] = field(default_factory=list)
    worker_died: bool = False

    async def kill_worker(self) -> None:
        self.worker_died = True
        await self.worker.close()

    def peer(self) -> Peer:
        peer = Peer(self.certificate)
        self.peers.append(peer)
        return peer

    async def publish(self, client: Client) -> Peer:
        peer = self.peer()
        sdp = peer.offer(("audio", "video"), "sendonly")
        answer = await client.ask("media", pc="publish", sdp=sdp, sources=SOURCES)
        assert answer["type"] == "media", client.failure(f"{answer}")
        assert (answer["room"], answer["pc"]) == (client.room, "publish")
        await peer.connect(answer["sdp"])
        return peer

    async def subscribe(self, client: Client) -> Peer:
        peer = self.peer()
        sdp = peer.offer(("video", "audio"), "recvonly")
        answer = await client.ask("media", pc="subscribe", sdp=sdp)
        assert answer["type"] == "media", client.failure(f"{answer}")
        await peer.connect(answer["sdp"])
        return peer

    def sessions(self) -> list[Session]:
        live = (self.hub.live, self.other.live)
        return [one for hub in live for one in hub.sessions._by_id.values()]


@pytest.fixture
async def studio(valkey_url: str, tmp_path: Path) -> AsyncIterator[Studio]:
    """Two hub workers and one media worker."""
    config = await make_config(valkey_url, tmp_path, media={"port": 0, "workers": 1})
    worker = Worker(config, 0, SECRET)
    await worker.start()
    pools = [open_media(config, hub_id, First(), SECRET) for hub_id in ("hub-a", "hub-b")]
    async with (
        serving(config, "hub-a", media=pools[0]) as hub,
        serving(config, "hub-b", media=pools[1]) as other,
    ):
        for pool in pools:
            await pool.start()
        studio = Studio(hub, other, worker)
        yield studio
        for peer in studio.peers:
            peer.close(goodbye=False)
        for pool in pools:
            await pool.stop()
    if not studio.worker_died:
        await worker.close()


async def test_publish_and_watch_across_hubs(studio: Studio) -> None:
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="host")
    (ada,) = await studio.other.inside(room, "ada")
    publisher = await studio.publish(host)
    stage = [{"id": "host", "name": "Host", "sources": [
        {"source": "camera", "muted": False}, {"source": "microphone", "muted": False},
    ]}]  # fmt: skip
    await ada.expect("room", stage=stage)
    received: list[bytes] = []
    viewer = await studio.subscribe(ada)
    viewer.on_srtp = received.append
    slots = await ada.expect("slots")
    assert any(slot["participant"] == "host" for slot in slots["slots"])
    for number in range(10):
        body = vp8(b"x" * 100, keyframe=True, start=True)
        publisher.send_rtp(rtp(VP8, number, number * 3000, publisher.ssrcs["1"], body, marker=True))
        publisher.send_rtp(rtp(OPUS, number, number * 960, publisher.ssrcs["0"], b"a", level=10))
    await until(lambda: len(received) >= 10, what="packets arrive")
    await ada.expect("speaking", ids=["host"])

    assert (await host.ask("source", source="camera", muted=True))["type"] == "ok"
    stage[0]["sources"][0]["muted"] = True  # type: ignore[index]
    await ada.expect("room", stage=stage)
    assert (await ada.ask("view", main="host", thumbs=0))["type"] == "ok"
    assert (await host.ask("media_close", pc="publish"))["type"] == "ok"
    await ada.expect("room", stage=[{"id": "host", "name": "Host", "sources": []}])
    assert [one.person for one in studio.sessions()] == ["ada"]
    assert (await host.say("still seated")) > 0


async def test_publishing_needs_the_stage_and_ends_with_it(studio: Studio) -> None:
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="host")
    (ada,) = await studio.other.inside(room, "ada")
    sdp = studio.peer().offer(("audio", "video"), "sendonly")
    refused = await ada.ask("media", pc="publish", sdp=sdp, sources=SOURCES)
    assert (refused["type"], refused["code"]) == ("error", "not_on_stage")
    assert not studio.sessions()
    await host.ask("moderate", action="stage", participant="ada")
    await ada.expect("event", kind="stage")
    peer = await studio.publish(ada)
    await host.ask("moderate", action="unstage", participant="ada")
    await until(lambda: not studio.sessions(), what="the session let go")
    await until(lambda: peer.closed_by_peer, what="the worker stopped it")
    assert (await studio.hub.services.admission.view(room)).counts.live == 2


async def test_what_is_no_sdp_changes_nothing(studio: Studio) -> None:
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="host")
    before = await studio.hub.services.admission.view(room)
    for sdp in ("hello", "v=0\r\n", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "\x00"):
        for pc in ("publish", "subscribe"):
            answer = await host.ask("media", pc=pc, sdp=sdp, sources=SOURCES)
            assert (answer["type"], answer["code"]) == ("error", "bad_message"), answer
    assert not studio.sessions()
    assert await studio.hub.services.admission.view(room) == before


async def test_a_refused_offer_leaves_the_running_session_alone(studio: Studio) -> None:
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="host")
    (ada,) = await studio.other.inside(room, "ada")
    publisher = await studio.publish(host)
    await studio.subscribe(ada)
    shown = (await studio.hub.services.admission.view(room)).stage
    running = studio.sessions()
    for client, pc in ((host, "publish"), (ada, "subscribe")):
        answer = await client.ask("media", pc=pc, sdp="v=0\r\n", sources=SOURCES)
        assert (answer["type"], answer["code"]) == ("error", "bad_message"), answer
    assert studio.sessions() == running and not publisher.closed_by_peer
    assert (await studio.hub.services.admission.view(room)).stage == shown
    # A good one takes its place.
    again = await studio.publish(host)
    await until(lambda: publisher.closed_by_peer, what="the older session let go")
    assert not again.closed_by_peer
    assert (await studio.hub.services.admission.view(room)).stage == shown


async def test_leaving_and_removal_stop_media(studio: Studio) -> None:
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="moderator")
    ada, bob = await studio.other.inside(room, "ada", "bob")
    peers = [await studio.subscribe(client) for client in (ada, bob)]
    assert (await ada.ask("leave"))["type"] == "left"
    await host.ask("moderate", action="remove", participant="bob")
    await until(lambda: not studio.sessions(), what="both let go")
    await until(lambda: all(peer.closed_by_peer for peer in peers), what="both stopped")
    assert (await studio.hub.services.admission.view(room)).counts.occupied == 1


async def test_media_keeps_a_seat_while_the_socket_comes_back(studio: Studio) -> None:
    room = await studio.hub.room()
    (ada,) = await studio.hub.inside(room, "ada")
    await studio.subscribe(ada)
    ada.cut()
    await until(lambda: not studio.hub.live.connections)
    counts = (await studio.hub.services.admission.view(room)).counts
    assert (counts.live, counts.held) == (1, 0)
    back = await ada.resume(to=studio.other)
    await back.expect("resumed")
    assert len(studio.sessions()) == 1


async def test_media_is_looked_after_where_the_person_is_now(studio: Studio) -> None:
    """Opened on one hub, restarted and closed on another."""
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="host")
    peer = await studio.publish(host)
    (session,) = studio.worker.engine.sessions()
    host.cut()
    back = await host.resume(to=studio.other)
    await back.expect("resumed")
    sdp = peer.offer(("audio", "video"), "sendonly")
    answer = await back.ask("media", pc="publish", sdp=sdp, sources=SOURCES, restart=True)
    assert answer["type"] == "media", back.failure(f"{answer}")
    assert studio.worker.engine.sessions() == [session], "the same session, only ICE is new"
    assert f"a=ice-ufrag:{session.transport.ufrag}" in answer["sdp"]
    assert (await back.ask("media_close", pc="publish"))["type"] == "ok"
    await until(lambda: peer.closed_by_peer, what="stopped")
    await until(lambda: not len(studio.other.live.sessions), what="let go")
    view = await studio.hub.services.admission.view(room)
    assert view.counts.live == 1 and not view.stage[0].sources


async def test_a_hub_that_is_gone_keeps_no_media_going(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await studio.hub.room()
    ada, bob = await studio.hub.inside(room, "ada", "bob")
    peers = [await studio.subscribe(client) for client in (ada, bob)]
    (host,) = await studio.other.inside(room, "host", role="moderator")
    # The hub that opened both hears nothing any more, and the workers do not ask it.
    studio.hub.services.bus.listen(lambda notice: None, lambda rooms: None)
    monkeypatch.setattr(studio.worker.engine, "alive", lambda: ())
    admission = studio.other.services.admission
    chair = Identity(id="chair", name="Chair", role=Role.MODERATOR)
    await admission.remove(room, chair, Role.MODERATOR, "ada")
    await until(lambda: peers[0].closed_by_peer, what="whoever follows the room tells the worker")
    studio.other.services.bus.listen(lambda notice: None, lambda rooms: None)
    assert (await host.ask("moderate", action="remove", participant="bob"))["type"] == "ok"
    await until(lambda: peers[1].closed_by_peer, what="who acts tells it where nobody follows")


async def test_unstaged_while_the_worker_is_asked(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.worker.engine, "alive", lambda: ())  # or it would find out itself
    room = await studio.hub.room()
    (host,) = await studio.hub.inside(room, "host", role="host")
    services = studio.hub.services
    offer, detached = services.media.offer, asyncio.Event()
    hear = studio.hub.live.sessions.detached

    def heard(notice: DetachedNotice) -> None:
        hear(notice)
        detached.set()

    async def late(*asked: Any, **more: Any) -> str:
        chair = Identity(id="chair", name="Chair", role=Role.MODERATOR)
        await services.admission.stage(room, chair, Role.MODERATOR, "host", False)
        await detached.wait()
        return await offer(*asked, **more)

    monkeypatch.setattr(studio.hub.live.sessions, "detached", heard)
    monkeypatch.setattr(services.media, "offer", late)
    sdp = studio.peer().offer(("audio", "video"), "sendonly")
    answer = await host.ask("media", pc="publish", sdp=sdp, sources=SOURCES)
    assert (answer["type"], answer["code"]) == ("error", "not_on_stage")
    await until(lambda: not studio.worker.engine.sessions(), what="the worker let go")
    assert not studio.sessions()


async def test_an_offer_given_up_halfway_leaves_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.worker.engine, "alive", lambda: ())
    room = await studio.hub.room()
    media, admission = studio.hub.services.media, studio.hub.services.admission
    offer, opened = media.offer, asyncio.Event()

    async def stuck(*asked: Any, **more: Any) -> str:
        await offer(*asked, **more)
        opened.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(media, "offer", stuck)
    sdp = studio.peer().offer(("audio", "video"), "sendonly")
    who = Identity(id="obs", name="OBS", role=Role.HOST, room=room)
    opening = asyncio.create_task(
        studio.hub.live.sessions.open(room, who, AttachmentKind.PUBLISH, sdp, take_seat=True)
    )
    await opened.wait()
    assert (await admission.view(room)).counts.live == 1
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)

    async def free() -> bool:
        return (await admission.view(room)).counts.occupied == 0

    await until(free, what="the seat is free")
    await until(lambda: not studio.worker.engine.sessions(), what="the worker let go")
    await until(lambda: not len(studio.hub.live.rooms), what="the room is not followed any more")


async def test_a_worker_that_dies_is_told_and_offered_again(studio: Studio) -> None:
    room = await studio.hub.room()
    (ada,) = await studio.hub.inside(room, "ada")
    (bob,) = await studio.other.inside(room, "bob")
    await studio.subscribe(ada)
    await studio.kill_worker()
    error = await ada.expect("error", code="media_unavailable")
    assert "re" not in error and error["room"] == room and 0 < error["retry_after_ms"] < 5000
    assert not studio.sessions() and not bob.kept("error")
    refused = await ada.ask(
        "media", pc="subscribe", sdp=studio.peer().offer(("video",), "recvonly")
    )
    assert refused["code"] == "media_unavailable" and refused["retry_after_ms"] > 0
    assert await bob.say("the room goes on") == 1


async def test_whip_and_whep_take_and_give_back_seats(studio: Studio) -> None:
    room = await studio.hub.room(capacity=2)
    sessions, admission = studio.hub.live.sessions, studio.hub.services.admission
    host = Identity(id="obs", name="OBS", role=Role.HOST, room=room)
    viewer = Identity(id="tv", name="TV", room=room)
    recv = studio.peer().offer(("video", "audio"), "recvonly")
    with pytest.raises(Refusal) as refused:
        await sessions.open(room, viewer, AttachmentKind.SUBSCRIBE, recv, take_seat=True)
    assert refused.value.code is Code.NOTHING_LIVE
    assert (await admission.view(room)).counts.occupied == 0

    send = studio.peer().offer(("audio", "video"), "sendonly")
    id, answer = await sessions.open(room, host, AttachmentKind.PUBLISH, send, take_seat=True)
    assert answer.startswith("v=0")
    watching, _ = await sessions.open(room, viewer, AttachmentKind.SUBSCRIBE, recv, take_seat=True)
    view = await admission.view(room)
    assert (view.counts.live, [member.id for member in view.stage]) == (2, ["obs"])
    with pytest.raises(Refusal) as full:
        third = Identity(id="tv2", name="TV", room=room)
        await sessions.open(room, third, AttachmentKind.SUBSCRIBE, recv, take_seat=True)
    assert full.value.code is Code.ROOM_FULL
    # Another hub worker ends it: the request may land anywhere.
    elsewhere = studio.other.live.sessions
    assert not await elsewhere.close(room, "tv", AttachmentKind.SUBSCRIBE, "someone-else")
    assert await elsewhere.close(room, "tv", AttachmentKind.SUBSCRIBE, watching)
    assert not await elsewhere.close(room, "tv", AttachmentKind.SUBSCRIBE, watching)
    assert await sessions.close(room, "obs", AttachmentKind.PUBLISH, id)
    assert (await admission.view(room)).counts.occupied == 0
