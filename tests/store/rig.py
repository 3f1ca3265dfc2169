"""Two stores on two servers that act as one, and their answers in the model's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, ClassVar

import uvloop

from hub.ports import Queued, Seated
from hub.store import Store
from rooms.errors import Refusal
from tests.store.servers import connected


class Rig:
    """Two stores on two servers and one loop, for all examples."""

    current: ClassVar[Rig]

    def __init__(self, urls: list[str]) -> None:
        self.loop = uvloop.new_event_loop()
        self.now = 0
        self.acts = 0
        self.rooms = count()
        self.stores: list[Store] = [
            self.loop.run_until_complete(connected(url, clock=lambda: self.now, log_events=50))
            for url in urls
        ]

    def each(self, act: Callable[[Store], Awaitable[Any]]) -> list[Any]:
        async def both() -> list[Any]:
            return await asyncio.gather(*(answer(act(store)) for store in self.stores))

        return self.loop.run_until_complete(both())

    def close(self) -> None:
        for store in self.stores:
            self.loop.run_until_complete(store.close())
        self.loop.close()


async def answer(act: Awaitable[Any]) -> Any:
    """What the port answered, in the model's words."""
    try:
        found = await act
    except Refusal as refusal:
        return (refusal.code.value,)
    if isinstance(found, Seated):
        return ("seated", found.gen, found.new, found.replaced and found.replaced.id)
    if isinstance(found, Queued):
        return ("queued", found.position, found.total, *(("lobby",) if found.lobby else ()))
    return found


def said(answer: object) -> object:
    """The model's number of an event, or its refusal."""
    return answer if isinstance(answer, int) else (answer,)


def pairs(flat: list[Any]) -> dict[str, int]:
    return {p.decode(): int(float(d)) for p, d in zip(flat[::2], flat[1::2], strict=True)}


async def swept(store: Store, slug: str) -> None:
    await store.admission._gate.run("sweep", slug)
