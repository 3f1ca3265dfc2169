"""The supervisor with real processes: starting, refusing, replacing, draining."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from hub import secrets
from hub.children import SILENT_S
from tests.process.running import DEADLINE_S, Pavilion, Start, eventually, free_port

ROOM = {"slug": "hall", "title": "Hall", "kind": "conference", "capacity": 3}


def token(pavilion: Pavilion, person: str) -> str:
    body = {"participant": {"id": person, "name": person}, "role": "participant"}
    status, answer = pavilion.call("POST", "/api/v1/rooms/hall/tokens", body)
    assert status == 201, answer
    return str(answer["token"])


async def until(ws: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of ``kind``; fails with what came instead."""
    seen: list[Any] = []
    async with asyncio.timeout(20):
        async for frame in ws:
            for message in json.loads(frame.data):
                seen.append(message)
                if message["type"] == kind:
                    return dict(message)
    pytest.fail(f"closed with {ws.close_code} before {kind}: {seen}")


def test_a_start_makes_secrets_and_a_second_server_is_refused(start: Start, tmp_path: Path) -> None:
    first = start()
    address = first.ready()
    assert first.call("GET", "/health/ready") == (200, {"status": "ok", "reasons": []})
    link = first.wait_for(r"sign in once with: (\S+)")[1]
    assert (first.data / "organiser-signin.txt").read_text().strip() == link
    kept = [*(first.data / "secrets").iterdir(), first.data / "organiser-signin.txt"]
    assert len(kept) == len(secrets.NAMES) + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}

    same_data = start(port=free_port())
    assert same_data.process.wait(30) == 1
    same_data.wait_for(f"is in use by another Pavilion .process {first.process.pid}")

    same_port = start(data=tmp_path / "other", port=int(address.rpartition(":")[2]))
    assert same_port.process.wait(30) == 1
    same_port.wait_for("is in use by another program")

    same_udp = start(
        data=tmp_path / "third", PAVILION__MEDIA__PORT=first.environ["PAVILION__MEDIA__PORT"]
    )
    assert same_udp.process.wait(30) == 1
    same_udp.wait_for("is in use by another program")
    assert first.end() == 0


@pytest.mark.long  # the silence that counts is 15 s of the real clock
@pytest.mark.parametrize("name", ["hub-0", "media-0"])
def test_a_child_that_stands_still_is_replaced(start: Start, name: str) -> None:
    pavilion = start()
    pavilion.ready()
    still = pavilion.child(name)
    since = len(pavilion.lines)
    still.suspend()
    pavilion.wait_for(f"{name}.*child silent, killed", since=since)
    pavilion.wait_for(f"{name}.*child ready", since=since)
    assert pavilion.child(name).pid != still.pid
    eventually(lambda: pavilion.call("GET", "/health/ready")[0] == 200, "readiness")
    assert pavilion.end() == 0


@pytest.mark.long  # the silence that counts is 15 s of the real clock
async def test_who_comes_while_a_hub_stands_still_gets_in(start: Start) -> None:
    """Its socket takes half of them, whom nobody answers: its end frees them for the others'."""
    pavilion = start(PAVILION__SERVER__WORKERS="2")
    address = await asyncio.to_thread(pavilion.ready)
    still, since = pavilion.child("hub-0"), len(pavilion.lines)
    still.suspend()

    async def come(http: aiohttp.ClientSession) -> float:
        """When one was let in."""
        for _ in range(100):
            try:
                async with http.ws_connect(address + "/live", protocols=["pavilion.v1"]) as ws:
                    await ws.send_json({"type": "hello", "id": 1, "token": "nobody's"})
                    await until(ws, "bye")
                    return asyncio.get_running_loop().time()
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
        pytest.fail("refused a hundred times")

    async with aiohttp.ClientSession() as http, asyncio.timeout(DEADLINE_S):
        came = await asyncio.gather(*(come(http) for _ in range(24)))
    assert max(came) - min(came) > SILENT_S / 3, "nobody met the hub that stood still"
    await asyncio.to_thread(pavilion.wait_for, "hub-0.*child ready", since=since)
    assert await asyncio.to_thread(pavilion.end) == 0


def test_a_killed_child_is_replaced(start: Start) -> None:
    pavilion = start()
    pavilion.ready()
    assert pavilion.call("POST", "/api/v1/rooms", ROOM)[0] == 201

    def ready() -> bool:
        try:
            return pavilion.call("GET", "/health/ready")[0] == 200
        except OSError:
            return False

    for name in ("hub-0", "media-0", "store"):
        said = len(pavilion.lines)
        old = pavilion.child(name)
        old.send_signal(signal.SIGKILL)
        pavilion.wait_for(
            "store is back" if name == "store" else f'"child": "{name}".*ready', since=said
        )
        assert pavilion.child(name).pid != old.pid
        eventually(ready, f"readiness after {name}")
        assert pavilion.call("GET", "/api/v1/rooms/hall")[1]["state"] == "open"
    assert pavilion.end() == 0


async def test_sigterm_says_goodbye_and_the_seat_is_there_after_the_restart(start: Start) -> None:
    first = start(port=free_port())
    address = await asyncio.to_thread(first.ready)
    assert first.call("POST", "/api/v1/rooms", ROOM)[0] == 201
    hello = {"type": "hello", "id": 1, "token": token(first, "ann")}
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(address + "/live", protocols=["pavilion.v1"]) as ws:
            await ws.send_json(hello)
            resume = (await until(ws, "welcome"))["resume"]
            await ws.send_json({"type": "enter", "id": 2, "room": "hall"})
            entered = await until(ws, "entered")
            first.process.send_signal(signal.SIGTERM)
            bye = await until(ws, "bye")
            assert (bye["code"], bye["reconnect"]) == ("server_draining", True)
            await ws.receive()
            assert ws.close_code == 4010
        assert await asyncio.to_thread(first.end) == 0

        second = start(port=int(address.rpartition(":")[2]))
        await asyncio.to_thread(second.ready)
        async with session.ws_connect(address + "/live", protocols=["pavilion.v1"]) as ws:
            point = {"room": "hall", "epoch": entered["epoch"], "seq": entered["seq"]}
            await ws.send_json({"type": "hello", "id": 1, "resume": resume, "rooms": [point]})
            assert (await until(ws, "resumed"))["seq"] == entered["seq"]
    assert await asyncio.to_thread(second.end) == 0


def test_children_die_with_the_supervisor_and_what_was_configured_is_there_again(
    start: Start,
) -> None:
    pavilion = start()
    pavilion.ready()
    key = pavilion.key
    assert pavilion.call("POST", "/api/v1/rooms", ROOM)[0] == 201
    children = psutil.Process(pavilion.process.pid).children(recursive=True)
    assert len(children) >= 3
    pavilion.process.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    # Nothing is left behind that would keep the next start out.
    again = start()
    again.ready()
    assert again.key == key
    assert again.call("GET", "/api/v1/rooms/hall")[1]["capacity"] == 3
    assert "sign in once with" not in again.transcript
    assert again.end() == 0


def test_a_second_signal_hurries(start: Start) -> None:
    pavilion = start(PAVILION__LIMITS__DRAIN_S="60")
    pavilion.ready()
    psutil.Process(pavilion.child("hub-0").pid).suspend()  # it will not drain by itself
    pavilion.process.send_signal(signal.SIGTERM)
    pavilion.wait_for('"event": "draining", "process": "supervisor"')
    pavilion.process.send_signal(signal.SIGTERM)
    assert pavilion.process.wait(15) == 0


def test_a_wrong_configuration_stops_with_its_name(start: Start) -> None:
    wrong = start(PAVILION__SERVER__PROT="1")
    assert wrong.process.wait(30) == 2
    wrong.wait_for("server.prot")


def test_check_says_what_is_wrong_and_what_to_do(start: Start) -> None:
    good = start("check", port=free_port())
    assert good.process.wait(30) == 0, good.transcript
    bad = start(
        "check",
        PAVILION__REDIS__URL=f"redis://127.0.0.1:{free_port()}",
        PAVILION__SERVER__PUBLIC_URL="http://fair.example",
        PAVILION__SERVER__TLS_CERT="/nowhere.pem",
    )
    assert bad.process.wait(30) == 1
    for line in (
        "BAD  redis.url",
        "BAD  server.public_url.*camera",
        "BAD  server.tls_cert",
        "fix: ",
    ):
        bad.wait_for(line)


def test_one_role_alone_needs_what_it_shares(start: Start) -> None:
    alone = start("hub")
    assert alone.process.wait(30) == 2
    alone.wait_for("redis.url")


def test_hub_and_media_run_apart_on_one_directory(
    start: Start, tmp_path: Path, valkey_url: str
) -> None:
    shared = {
        "PAVILION__REDIS__URL": valkey_url,
        "PAVILION__DATABASE__URL": f"sqlite+aiosqlite:///{tmp_path}/fair.sqlite",
    }
    media = start("media", **shared)
    media.wait_for("media workers are ready")
    hub = start("hub", **shared)
    assert hub.call("GET", "/health/ready")[0] == 200
    twice = start("media", **shared, PAVILION__MEDIA__PORT=str(free_port()))
    assert twice.process.wait(30) == 1
    assert media.end() == 0

    def media_missed() -> bool:
        status, answer = hub.call("GET", "/health/ready")
        return status == 503 and "media" in " ".join(answer["reasons"])

    eventually(media_missed, "readiness that tells of the missing media worker")
    assert hub.end() == 0


def test_a_path_too_long_for_sockets_is_refused(start: Start, tmp_path: Path) -> None:
    refused = start(data=tmp_path / ("d" * 90))
    assert refused.process.wait(30) == 1
    refused.wait_for("too long a path")
