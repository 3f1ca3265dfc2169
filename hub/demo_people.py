"""Sample people of ``pavilion demo``: they sit in rooms, chat now and then, raise hands.

A process of its own, so that nothing of it weighs on a hub. Bounded: 42 people, each with
one socket, at most one message in some seconds. ``python -m hub.demo_people URL`` reads the
organiser key from its standard input. One of the three in the legal clinic steps out for a
while every minute, so that whoever waits there gets in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import sys
from typing import Any, Final

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from rooms.messages import SUBPROTOCOL

PEOPLE: Final = {"opening-forum": 18, "digital-trade": 9, "telecom-5g": 6, "tourism-recovery": 5,
                 "legal-clinic": 3, "tea-tasting": 1}  # fmt: skip
NAMES: Final = (
    "Wang Min 王敏", "Zhang Lei 张磊", "Li Na 李娜", "Liu Yang 刘洋", "Zhao Jing 赵静",
    "Sun Hao 孙浩", "Zhou Ting 周婷", "Wu Gang 吴刚", "Xu Fei 徐飞", "Ma Lin 马琳",
    "Gao Yuan 高远", "He Jia 何佳", "Sofia Rossi", "Jonas Weber", "Aisha Khan", "Diego Morales",
    "Emma Dubois", "Tomás Silva", "Fatima Zahra", "Kenji Sato", "Olga Petrova", "Noah Smith",
    "Grace Mwangi", "Lars Nilsen",
)  # fmt: skip
LINES: Final = (
    "大家好，来自上海。",
    "Hello from Nairobi!",
    "请问会后有资料吗？",
    "Will the slides be shared?",
    "我们做跨境物流，欢迎交流。",
    "Good point about settlement times.",
    "声音很清楚，谢谢。",
    "The picture is clear here, thank you.",
    "这个数据来源是哪里？",
    "Which ports were part of the pilot?",
    "同意上一位的看法。",
    "We would like to talk after this, hall 4.",
    "网络很流畅。",
    "Very useful, thanks.",
)
AWAY_S: Final = 20.0
RETRY_MAX_S: Final = 15.0


class Person:
    """One simulated participant: enters, speaks seldom, comes back when cut off."""

    def __init__(self, url: str, key: str, room: str, number: int) -> None:
        self.url, self.key, self.room = url, key, room
        self.id = f"sample-{room}-{number}"
        self.name = NAMES[(sum(map(ord, room)) + number) % len(NAMES)]
        self.steps_out = room == "legal-clinic" and number == 0
        self._chance = random.Random(self.id)

    async def live(self) -> None:
        """Be there until cancelled."""
        pause = 1.0
        while True:
            try:
                await self._visit()
                pause = AWAY_S if self.steps_out else 1.0
            except (aiohttp.ClientError, WebSocketException, OSError, TimeoutError, KeyError):
                pause = min(pause * 2, RETRY_MAX_S)  # the hub is restarting: try again later
            await asyncio.sleep(pause * self._chance.uniform(0.8, 1.2))

    async def _token(self) -> str:
        body = {"participant": {"id": self.id, "name": self.name}, "role": "participant"}
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"}) as session,
            session.post(
                f"{self.url}/api/v1/rooms/{self.room}/tokens", json=body, ssl=False
            ) as answer,
        ):
            answer.raise_for_status()
            return str((await answer.json())["token"])

    async def _visit(self) -> None:
        address = self.url.replace("http", "ws", 1) + "/live"
        tls: Any = None
        if address.startswith("wss"):
            tls = ssl.create_default_context()
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE  # this machine's own server
        token = await self._token()
        async with connect(
            address,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ssl=tls,
            max_queue=64,
        ) as socket:
            await socket.send(json.dumps({"type": "hello", "id": 1, "token": token}))
            await socket.send(json.dumps({"type": "enter", "id": 2, "room": self.room}))
            reader = asyncio.create_task(self._read(socket))
            try:
                await self._behave(socket, reader)
            finally:
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reader

    async def _read(self, socket: ClientConnection) -> None:
        async for _ in socket:  # what is said to it does not matter, only that it is read
            pass

    async def _behave(self, socket: ClientConnection, reader: asyncio.Task[None]) -> None:
        number = 2
        for _ in range(6 if self.steps_out else 10_000):
            pause = 10.0 if self.steps_out else self._chance.uniform(15, 120)
            done, _ = await asyncio.wait({reader}, timeout=pause)
            if done:
                return
            number += 1
            await socket.send(json.dumps(self._next_act(number)))
        await socket.send(json.dumps({"type": "leave", "id": number + 1, "room": self.room}))

    def _next_act(self, number: int) -> dict[str, Any]:
        act = {"id": number, "room": self.room}
        pick = self._chance.random()
        if pick < 0.6:
            return {**act, "type": "say", "text": self._chance.choice(LINES)}
        if pick < 0.9:
            return {**act, "type": "react", "emoji": self._chance.choice("👏👍🎉")}
        return {**act, "type": "hand", "up": self._chance.random() < 0.5}


async def run(url: str, key: str) -> None:
    people = [Person(url, key, room, n) for room, count in PEOPLE.items() for n in range(count)]
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.live())
            await asyncio.sleep(0.05)  # they arrive one after another, as people do


def main() -> None:
    key = sys.stdin.readline().strip()
    asyncio.run(run(sys.argv[1], key))


if __name__ == "__main__":
    main()
