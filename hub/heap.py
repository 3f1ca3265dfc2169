"""When the collector of reference cycles looks at what.

CPython's own full collection comes whenever a quarter has been added, and looks at every object
there is: 0.5 to 1.5 s in which nobody hears anything, with 12,500 people in one process
(docs/decisions/0026). Here the young generations are collected as ever. What they leave is
looked at once, each ``PERIOD_S``, and then set aside (``gc.freeze``), so that a look costs what has
come since the last. Objects set aside die by their reference counts like all others; only a cycle
among them waits, for a deep look: rarely, when enough sockets have ended to be worth it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Final

import structlog

#: Between two looks. At 250 people a second that come in, one takes 10 to 20 ms.
PERIOD_S: Final = 1.0
#: Of the youngest generation, in objects made but not yet gone: thrice CPython's, since most of a
#: request is gone by itself before.
YOUNG: Final = 2_000
MIDDLE: Final = 10
NEVER: Final = 2**30
#: A deep look costs 40 to 100 ms for what a hub is made of, and 40 to 80 µs a person that is here;
#: a socket that was cut leaves about 8 KiB in cycles (aiohttp's exceptions and their frames). Up
#: to so many people, it comes when as many sockets have ended.
FEW: Final = 500
#: With more, sockets that have to end before it: then what they left is as much as what is held.
ENDED_MIN: Final = 2_000
#: Sockets that ended since the last look, above which one waits: people come back, or all go home.
BUSY: Final = 50
#: It waits no longer than until so many times as many have ended.
PATIENCE: Final = 4
#: At the latest, seconds: not everything that is left behind is a socket's.
DEEP_S: Final = 900.0
#: With few people, seconds from one to the next at least.
SHALLOW_S: Final = 30.0

log = structlog.get_logger(__name__)


class Heap:
    """The looks of one process. ``held()`` are the sockets open, ``ended()`` those ended ever."""

    def __init__(
        self,
        held: Callable[[], int],
        ended: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = held
        self._ended = ended
        self._now = now
        self._deep_at = now()
        self._ended_then = self._ended_last = ended()

    def begin(self) -> None:
        """Take over from CPython: everything loaded so far is set aside for good."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            self.look()

    def look(self) -> None:
        began = self._now()
        deep = self._due(began)
        if deep:
            gc.unfreeze()
            self._deep_at, self._ended_then = began, self._ended()
        found = gc.collect()
        gc.freeze()
        if deep:
            took = round((self._now() - began) * 1000)
            log.debug("looked through the heap", found=found, took_ms=took)

    def _due(self, now: float) -> bool:
        since, held = now - self._deep_at, self._held()
        busy = self._ended() - self._ended_last > BUSY
        self._ended_last = self._ended()
        few = held <= FEW
        if few and since < SHALLOW_S:
            return False
        enough = FEW if few else max(ENDED_MIN, held)
        ended = self._ended() - self._ended_then
        return since >= DEEP_S or (ended >= enough and (not busy or ended >= PATIENCE * enough))
