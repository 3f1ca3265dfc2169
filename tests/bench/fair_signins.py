"""How long a message takes to everybody in a live room, with and without 500 sign-ins a minute.

200 people in one room of one hub worker, ten messages a second; the same worker hashes the
passwords. Phases without and with sign-ins take turns, so that a change of the machine counts
for both alike.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import msgspec

from hub.load.checks import DECODE, Incoming
from hub.load.figures import Latency
from hub.load.wsclient import Connection, connect

PEOPLE: Final = 200
SPEAKERS: Final = 20  # each says something every other second: chat allows one a second
PER_MINUTE: Final = 500
PHASE_S: Final = 8.0
PHASES: Final = (False, True) * 4
ROOM: Final = "bench-delivery"
PASSWORD: Final = "a password of the bench"


class Listener:
    """One person in the room; ``heard`` takes the age of each message, ms."""

    def __init__(self) -> None:
        self.greeted = asyncio.get_running_loop().create_future()
        self.inside = asyncio.get_running_loop().create_future()
        self.connection: Connection | None = None
        self.heard: Latency | None = None

    async def enter(self, url: str, token: str, source: str) -> None:
        self.connection = await connect(url, self._received, self._closed, source=source)
        self._send({"type": "hello", "id": 1, "token": token})
        await asyncio.wait_for(self.greeted, 20)
        self._send({"type": "enter", "id": 2, "room": ROOM})
        await asyncio.wait_for(self.inside, 20)

    def say(self, number: int) -> None:
        text = f"t{time.perf_counter():.6f}"
        self._send({"type": "say", "id": number, "room": ROOM, "text": text})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.connection is not None
        self.connection.send(msgspec.json.encode(message))

    def _received(self, payload: bytes) -> None:
        message: Incoming
        for message in DECODE(payload):
            if message.re == 1 and not self.greeted.done():
                self.greeted.set_result(None)
            elif message.re == 2 and not self.inside.done():
                self.inside.set_result(None)
            text = message.body.text if message.body is not None else ""
            if self.heard is not None and text.startswith("t"):
                self.heard.add((time.perf_counter() - float(text[1:])) * 1000)

    def _closed(self, code: int) -> None:
        for waiting in (self.greeted, self.inside):
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"closed with {code}"))


async def _talk(people: Sequence[Listener], heard: Latency, first: int) -> int:
    """PHASE_S of ten messages a second, in turn; the next free message number."""
    for one in people:
        one.heard = heard
    begun = time.perf_counter()
    number = first
    gap = 2.0 / SPEAKERS
    while (due := begun + (number - first) * gap) < begun + PHASE_S:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        people[number % SPEAKERS].say(number + 10)
        number += 1
    await asyncio.sleep(0.5)
    for one in people:
        one.heard = None
    return number


async def _sign_in(url: str, emails: list[str], took: Latency) -> None:
    """PER_MINUTE for PHASE_S, each of another account and address; all must succeed."""
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(url, connector=connector, cookie_jar=jar) as session:

        async def one(email: str) -> None:
            began = time.perf_counter()
            form = {"email": email, "password": PASSWORD}
            async with session.post("/login", data=form, allow_redirects=False) as answer:
                await answer.read()
                assert answer.status == 303, f"sign-in answered {answer.status}"
            took.add((time.perf_counter() - began) * 1000)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(PER_MINUTE / 60 * PHASE_S)):
                await asyncio.sleep(
                    max(0.0, begun + number * 60 / PER_MINUTE - time.perf_counter())
                )
                group.create_task(one(emails.pop()))


async def measure(url: str, key: str, emails: list[str]) -> dict[str, float]:
    """``emails``: accounts whose password is PASSWORD, each used once."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers, raise_for_status=True) as session:
        room = {"slug": ROOM, "title": "Delivery", "kind": "conference", "capacity": PEOPLE}
        await (await session.post("/api/v1/rooms", json=room)).read()
        body = {
            "participants": [{"id": f"b-{n}", "name": f"Bench {n}"} for n in range(PEOPLE)],
            "role": "participant",
        }
        answer = await session.post(f"/api/v1/rooms/{ROOM}/tokens:batch", json=body)
        tokens = [
            item if isinstance(item, str) else item["token"]
            for item in (await answer.json())["tokens"]
        ]
    people = [Listener() for _ in tokens]
    for number, (one, token) in enumerate(zip(people, tokens, strict=True)):
        await one.enter(url, token, f"127.1.0.{1 + number % 250}")
    heard = {False: Latency(), True: Latency()}
    took, number = Latency(), 0
    for busy in PHASES:
        signing = asyncio.create_task(_sign_in(url, emails, took)) if busy else None
        number = await _talk(people, heard[busy], number)
        if signing is not None:
            await signing
    for one in people:
        if one.connection is not None:
            one.connection.abort()
    found = {"sign_in_p50_ms": took.at(0.5), "sign_in_p99_ms": took.at(0.99)}
    for busy, name in ((False, "alone"), (True, "with_sign_ins")):
        for share in (50, 95, 99):
            found[f"{name}_p{share}_ms"] = heard[busy].at(share / 100)
    found["deliveries"] = heard[True].count
    return {name: round(value, 2) for name, value in found.items()}
