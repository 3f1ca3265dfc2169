"""WHIP and WHEP over HTTP, with a real media worker; what flows then: tests/media."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCPeerConnection

from hub import secrets
from hub.config import Config, Media, Server
from rooms.model import Role

SDP = {"Content-Type": "application/sdp"}
WORKER = (
    "import sys; from hub.config import Config; from hub.media.worker import main; "
    "main(Config.model_validate_json(sys.argv[1]), 0, bytes.fromhex(sys.stdin.readline()))"
)


async def offer(direction: str) -> str:
    """What a WHIP (sendonly) or WHEP (recvonly) client of aiortc offers."""
    peer = RTCPeerConnection()
    try:
        for kind in ("audio", "video"):
            peer.addTransceiver(kind, direction=direction)
        return (await peer.createOffer()).sdp
    finally:
        await peer.close()


@pytest.fixture
async def media_site(start: Any, tmp_path: Any) -> AsyncIterator[Any]:
    """A hub with one media worker, ready."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        media = Media(workers=1, port=probe.getsockname()[1])
    config = Config(server=Server(data_dir=tmp_path), media=media)
    secret = secrets.open_secrets(config).control_key
    (tmp_path / "run").mkdir(mode=0o700, exist_ok=True)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, config.model_dump_json(), stdin=asyncio.subprocess.PIPE
    )
    assert worker.stdin is not None
    worker.stdin.write(secret.hex().encode() + b"\n")
    try:
        site = await start(media=media)
        async with asyncio.timeout(15):
            while (await site.call("GET", "/health/ready", auth=None)).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield site
    finally:
        worker.terminate()
        await worker.wait()


async def code(answer: Any) -> tuple[int, str]:
    return answer.status, (await answer.json())["code"]


async def post(site: Any, way: str, room: str, token: str | None, sdp: Any) -> Any:
    return await site.call("POST", f"/{way}/{room}", auth=token, headers=SDP, data=sdp)


async def counts(site: Any, room: str) -> tuple[int, int]:
    body = await (await site.api("GET", f"/rooms/{room}")).json()
    return body["live"] + body["held"] + body["offered"], body["stage"]


async def test_publish_watch_and_end(media_site: Any) -> None:
    site = media_site
    room = await site.room(capacity=3, stage_capacity=1)
    host, viewer = site.token(room, Role.HOST, "h"), site.token(room, person="v")
    sending, receiving = await offer("sendonly"), await offer("recvonly")

    early = await post(site, "whep", room, viewer, receiving)
    assert await code(early) == (409, "nothing_live") and "Retry-After" in early.headers
    assert await counts(site, room) == (0, 0)  # the seat it took was given back

    published = await post(site, "whip", room, host, sending)
    assert published.status == 201, await published.text()
    watched = await post(site, "whep", room, viewer, receiving)
    assert watched.status == 201, await watched.text()
    for way, made in (("whip", published), ("whep", watched)):
        answer = await made.text()
        assert made.content_type == "application/sdp" and made.headers["ETag"].startswith('"')
        assert made.headers["Location"].startswith(f"/{way}/{room}/")
        assert "a=ice-lite" in answer and "a=candidate:" in answer
    assert await counts(site, room) == (2, 1)

    second = await post(site, "whip", room, site.token(room, Role.HOST, "h2"), sending)
    assert await code(second) == (409, "stage_full") and "Retry-After" in second.headers
    assert await counts(site, room) == (2, 1)
    third = await post(site, "whep", room, site.token(room, person="w"), receiving)
    assert third.status == 201
    full = await post(site, "whep", room, site.token(room, person="x"), receiving)
    problem = await full.json()
    assert await code(full) == (409, "room_full") and "Retry-After" in full.headers
    assert (problem["capacity"], problem["live"], problem["waiting"]) == (3, 3, 0)

    where = watched.headers["Location"]
    other = site.token(room, person="w")
    for token, path in ((other, where), (viewer, where + "x"), (viewer, where[:-1] + "%00"),
                        (host, where.replace("whep", "whip"))):  # fmt: skip
        assert await code(await site.call("DELETE", path, auth=token)) == (404, "not_found")
    assert await counts(site, room) == (3, 1)
    assert (await site.call("DELETE", where, auth=viewer)).status == 200
    assert await counts(site, room) == (2, 1)  # a clean end frees the seat at once
    assert await code(await site.call("DELETE", where, auth=viewer)) == (404, "not_found")
    assert (await site.call("DELETE", published.headers["Location"], auth=host)).status == 200
    assert await counts(site, room) == (1, 0)


async def test_wrong_requests_change_nothing(media_site: Any) -> None:
    site = media_site
    room, other = await site.room(), await site.room()
    good = await offer("sendonly")
    host = site.token(room, Role.HOST)
    for auth, headers, data, expected in (
        (None, SDP, good, (401, "unauthorised")),
        ("wrong", SDP, good, (401, "unauthorised")),
        ("key", SDP, good, (403, "forbidden")),  # the organiser key is no person
        (site.token(room), SDP, good, (403, "forbidden")),
        (site.token(other, Role.HOST), SDP, good, (403, "forbidden")),
        (site.token("nobody", Role.HOST), SDP, good, (403, "forbidden")),
        (host, {"Content-Type": "text/plain"}, good, (415, "unsupported_media_type")),
        (host, SDP, b"", (400, "bad_message")),
        (host, SDP, b"\xff\xfe", (400, "bad_message")),
        (host, SDP, "hello", (400, "bad_message")),
        (host, SDP, "v=0\r\nrubbish", (400, "bad_message")),
        (host, SDP, good.replace("a=fingerprint", "a=x-fingerprint"), (400, "bad_message")),
        (host, SDP, good + "a=x:" + "y" * 40_000, (413, "too_large")),
        (host, {**SDP, "Origin": "https://evil.example"}, good, (403, "forbidden")),
    ):
        answer = await site.call("POST", f"/whip/{room}", auth=auth, headers=headers, data=data)
        assert await code(answer) == expected, (headers, data[:40])
        if expected[0] == 415:
            assert answer.headers["Accept-Post"] == "application/sdp"
    unknown = await post(site, "whip", "nobody", site.token("nobody", Role.HOST), good)
    assert await code(unknown) == (404, "unknown_room")
    assert await counts(site, room) == (0, 0)

    locked = await site.room(locked=True, lock_message="Back at 3")
    kept_out = await post(site, "whep", locked, site.token(locked), await offer("recvonly"))
    assert await code(kept_out) == (403, "room_locked")
    assert (await kept_out.json())["message"] == "Back at 3"
    path = f"/rooms/{room}/participants/p1/actions"
    assert (await site.api("POST", path, {"action": "ban", "seconds": 60})).status == 200
    assert await code(await post(site, "whip", room, host, good)) == (403, "banned")


async def test_a_talk_of_others_is_no_room(site: Any) -> None:
    """Whoever runs the fair too: POST and DELETE answer as for a name that nobody has."""
    talk = await site.room(kind="negotiation", mode="one_to_one", capacity=2)
    for role in (Role.MODERATOR, Role.ORGANISER):
        async with site.browser() as browser:
            headers = {**SDP, "X-CSRF-Token": await browser.sign_in(role)}
            for method, tail in (("POST", ""), ("DELETE", "/some-session")):
                for way in ("whip", "whep"):
                    told = []
                    for room in (talk, "no-such-room"):
                        answer = await browser.call(
                            method, f"/{way}/{room}{tail}", auth=None, headers=headers,
                            data="v=0\r\n" if method == "POST" else None,
                        )  # fmt: skip
                        problem = await answer.json()
                        told.append((answer.status, {**problem, "instance": ""}))
                    assert told[0] == told[1]
                    assert (told[0][0], told[0][1]["code"]) == (404, "unknown_room")
    assert await counts(site, talk) == (0, 0)


async def test_without_a_worker_it_says_so_and_keeps_no_seat(site: Any) -> None:
    room = await site.room()
    token = site.token(room, Role.HOST)
    answer = await post(site, "whip", room, token, await offer("sendonly"))
    assert await code(answer) == (503, "media_unavailable") and "Retry-After" in answer.headers
    assert await counts(site, room) == (0, 0)


async def test_options_tell_what_is_taken(site: Any) -> None:
    for path in ("/whip/x", "/whep/x", "/whip/x/1"):
        foreign = await site.call("OPTIONS", path, headers={"Origin": "https://evil.example"})
        assert foreign.status == 204 and foreign.headers["Accept-Post"] == "application/sdp"
        assert "Access-Control-Allow-Origin" not in foreign.headers
        own = await site.call("OPTIONS", path, headers={"Origin": site.base})
        assert own.headers["Access-Control-Allow-Origin"] == site.base
        assert "POST" in own.headers["Access-Control-Allow-Methods"]
