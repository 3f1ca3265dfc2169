"""Who asks too often waits; who reads too slowly is let go; nobody else notices."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from hub.live import connection, writer
from hub.live.limits import Bucket, client_address, networks, prefix
from rooms.messages import SUBPROTOCOL
from rooms.model import Role
from tests.bench.websocket_swarm import masked
from tests.live.driver import WAIT_S, Client, Hub, make_config, narrow_socket, serving, until


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    bucket = Bucket(3, 10.0)
    assert [bucket.take(2, 3, 10.0) for _ in range(4)] == [0, 0, 0, 500]
    assert bucket.take(2, 3, 10.5) == 0
    assert bucket.take(2, 3, 10.5) == 500
    assert [bucket.take(2, 3, 100.0) for _ in range(4)][-1] > 0


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
    ],
)
def test_what_an_address_limit_counts(address: str, counted: str) -> None:
    assert prefix(address) == counted


@pytest.mark.parametrize(
    ("trusted", "forwarded", "found"),
    [
        ((), "192.0.2.1", "127.0.0.1"),
        (("127.0.0.0/8",), "192.0.2.1", "192.0.2.1"),
        (("127.0.0.0/8",), "198.51.100.9, 192.0.2.1", "192.0.2.1"),
        (("127.0.0.0/8", "192.0.2.0/24"), "198.51.100.9, 192.0.2.1", "198.51.100.9"),
        (("10.0.0.0/8",), "192.0.2.1", "127.0.0.1"),
        (("127.0.0.0/8",), "", "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_are_believed(
    trusted: tuple[str, ...], forwarded: str, found: str
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/live", headers=headers).clone(remote="127.0.0.1")
    assert client_address(request, networks(trusted)) == found


async def test_chat_has_a_limit_of_its_own(hub: Hub) -> None:
    (ada,) = await hub.inside(await hub.room(), "ada")
    answers = [await ada.ask("say", text="spam") for _ in range(6)]
    assert [answer["type"] for answer in answers] == ["ok"] * 5 + ["error"]
    assert answers[5]["code"] == "rate_limited" and 0 < answers[5]["retry_after_ms"] <= 1000
    assert (await ada.ask("hand", up=True))["type"] == "ok"


async def test_joins_are_counted_by_person(hub: Hub) -> None:
    room = await hub.room()
    tabs = [hub.client("ada", room) for _ in range(6)]
    answers = []
    for tab in tabs:
        await tab.hello()
        answers.append(await tab.enter())
    assert [answer["type"] for answer in answers] == ["entered"] * 5 + ["refused"]
    assert answers[5]["code"] == "rate_limited" and answers[5]["retry_after_ms"] > 0
    (bob,) = await hub.inside(room, "bob")
    assert bob.entered


async def test_too_many_messages_are_answered_then_end_the_socket(hub: Hub) -> None:
    room = await hub.room()
    ada, bob = await hub.inside(room, "ada", "bob")
    before = (await hub.services.admission.view(room)).seq
    for _ in range(200):
        await ada.send("unsay", room=room, seq=1)
    code, bye = await ada.closed()
    assert code == 4013 and bye is not None
    assert bye["code"] == "rate_limited" and bye["reconnect"] and bye["retry_after_ms"] > 0
    limited = [one for one in ada.kept("error") if one["code"] == "rate_limited"]
    assert len(limited) >= 100 and all("re" in one for one in limited)
    assert (await hub.services.admission.view(room)).seq == before
    assert await bob.say("fine") == before + 1


def _flood(url: str, token: str, room: str) -> tuple[int, list[tuple[int, bytes]]]:
    """Send without reading, and read only then: the answer's opcodes and payloads to the end.

    A bare socket: a client library stops handing out what it has read once it knows of the close.
    """
    host, port = url.removeprefix("ws://").removesuffix("/live").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as sock:
        sock.sendall(
            f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {'A' * 22}==\r\n"
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n".encode()
        )
        sock.sendall(masked(json.dumps({"type": "hello", "id": 1, "token": token}).encode()))
        leave = masked(json.dumps({"type": "leave", "id": 2, "room": room}).encode())
        for _ in range(4000):
            sock.sendall(leave)
        sock.sendall(b"\x88\x82\0\0\0\0\x03\xe8")  # 1000, masked with nothing
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    frames = []
    while rest:
        size, start = rest[1], 2
        if size == 126:
            size, start = int.from_bytes(rest[2:4], "big"), 4
        frames.append((rest[0] & 15, rest[start : start + size]))
        rest = rest[start + size :]
    return int(head.split()[1]), frames


async def test_who_floods_still_reads_why_the_socket_ended(hub: Hub) -> None:
    """A transport closed with messages of the client unread is reset by the kernel: the
    client's next write fails before its reading side has seen ``bye``."""
    room = await hub.room()
    status, frames = await asyncio.to_thread(_flood, hub.url, hub.token("ada", room), room)
    assert status == 101
    (_, last), (opcode, reason) = frames[-2:]
    bye = json.loads(last)[-1]
    assert (bye["type"], bye["code"]) == ("bye", "rate_limited")
    assert opcode == 8 and int.from_bytes(reason[:2], "big") == 4013


def _stop_reading(hub: Hub, client: Client) -> None:
    """The client reads no more, and the kernel holds little for it."""
    client.ws.transport.pause_reading()
    conn = next(one for one in hub.live.connections.values() if one.identity.id == client.person)
    sock = conn.ws.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


async def _narrow(hub: Hub, room: str, person: str) -> Client:
    """Someone inside whose socket takes little before the server feels it."""
    client = hub.client(person, room)
    await client.connect(sock=await narrow_socket(hub))
    await client.hello()
    await client.enter()
    return client


async def _talk(hub: Hub, room: str, count: int) -> None:
    for number in range(count):
        await hub.services.admission.say(
            room, "bob", "Bob", Role.PARTICIPANT, f"{number} " + "x" * 1900
        )


async def test_a_slow_reader_is_closed_and_others_are_not_kept_waiting(
    valkey_url: str, tmp_path: Path
) -> None:
    config = await make_config(
        valkey_url, tmp_path, send_soft_bytes=16 * 1024, send_hard_bytes=128 * 1024
    )
    async with serving(config, "hub-a") as hub:
        room = await hub.room()
        (bob,) = await hub.inside(room, "bob")
        slow = await _narrow(hub, room, "ada")
        _stop_reading(hub, slow)
        await _talk(hub, room, 300)
        assert [one["seq"] for one in await bob.events(300)] == list(range(1, 301))
        await until(lambda: len(hub.live.slow) == 0, what="the slow one let go")
        slow.ws.transport.resume_reading()
        code, bye = await slow.closed()
        assert code == 4008 and bye is not None
        assert (bye["code"], bye["reconnect"]) == ("slow_reader", True)
        got = [one["seq"] for one in slow.kept("event")]
        assert got == list(range(1, len(got) + 1)) and len(got) < 300
        back = await slow.resume(seq=len(got))
        assert [one["seq"] for one in await back.events(300 - len(got))] == list(
            range(len(got) + 1, 301)
        )


async def test_slow_for_too_long(valkey_url: str, tmp_path: Path) -> None:
    config = await make_config(
        valkey_url, tmp_path, send_soft_bytes=8 * 1024, send_late_s=0.3, pong_s=0.6, ping_s=60
    )
    async with serving(config, "hub-a") as hub:
        room = await hub.room()
        await hub.inside(room, "bob")
        slow = await _narrow(hub, room, "ada")
        _stop_reading(hub, slow)
        await _talk(hub, room, 60)
        await until(lambda: len(hub.live.slow) == 1, what="found slow")
        await until(lambda: len(hub.live.slow) == 0, what="let go")
        slow.ws.transport.resume_reading()
        assert (await slow.closed())[0] == 4008


async def test_what_was_dropped_for_a_slow_reader_comes_fresh(
    valkey_url: str, tmp_path: Path
) -> None:
    config = await make_config(valkey_url, tmp_path, send_soft_bytes=8 * 1024, pong_s=1, ping_s=60)
    async with serving(config, "hub-a") as hub:
        room = await hub.room()
        await hub.inside(room, "bob")
        slow = await _narrow(hub, room, "ada")
        _stop_reading(hub, slow)
        await _talk(hub, room, 60)
        await until(lambda: len(hub.live.slow) == 1, what="found slow")
        conn = next(one for one in hub.live.connections.values() if one.identity.id == "ada")
        await hub.inside(room, "cyd")
        await until(lambda: conn.members[room].stale, what="a roster change was dropped")
        slow.ws.transport.resume_reading()
        fresh = await slow.expect("roster", fresh=True)
        assert {person["id"] for person in fresh["add"]} == {"ada", "bob", "cyd"}
        assert (await slow.expect("room", live=3))["room"] == room
        assert [one["seq"] for one in slow.kept("event")] == list(range(1, 61))


async def test_the_budget_of_the_process_takes_the_longest_queue(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSING_S", 0.5)  # for its goodbye, which it does not read
    config = await make_config(
        valkey_url, tmp_path, send_soft_bytes=8 * 1024, send_budget_bytes=40 * 1024,
        pong_s=1, ping_s=60,
    )  # fmt: skip
    async with serving(config, "hub-a") as hub:
        room = await hub.room()
        (bob,) = await hub.inside(room, "bob")
        slow = await _narrow(hub, room, "ada")
        _stop_reading(hub, slow)
        await _talk(hub, room, 100)
        await until(lambda: len(hub.live.connections) == 1, wait_s=8, what="over the budget")
        assert await bob.say("fine") == 101


async def test_the_writer_tests_itself_and_the_public_way_works_too(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await writer.choose()).name == "raw"
    # An aiohttp whose private parts moved: the hub still serves.
    monkeypatch.setattr(writer, "frame", lambda payload: b"\x82\x00" + payload)
    assert (await writer.choose()).name == "public"
    config = await make_config(valkey_url, tmp_path)
    async with serving(config, "hub-a") as hub:
        assert hub.live.writers.name == "public"
        room = await hub.room()
        ada, bob = await hub.inside(room, "ada", "bob")
        for number in range(1, 5):
            await bob.say(f"{number}")
        assert [one["seq"] for one in await ada.events(4)] == [1, 2, 3, 4]
