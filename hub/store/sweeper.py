"""The second hand of the store: sweep leases, what is due, the reclaim window, heartbeats.

Any hub may sweep any partition; a lease in the partition keeps two from doing the same work,
and the scripts are idempotent should they.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import Final

import structlog
from redis.exceptions import ResponseError

from hub.ports import StoreLost
from hub.store import keys
from hub.store.gate import WINDOW_MS, Gate, outage_ms
from hub.store.seats import Held, Seats
from hub.store.submitter import end
from hub.store.tags import PARTITIONS
from rooms.errors import Refusal

PERIOD_S: Final = 1.0
LEASE_MS: Final = 3_500
OTHERS_EVERY: Final = 3  # periods between tries for a partition another hub sweeps
SWEEPS_MAX: Final = 40  # calls for one room in one second, 256 people each
HUB_GONE_MS: Final = 15_000  # a hub unseen while this one was there so long is forgotten

log = structlog.get_logger(__name__)


class Sweeper:
    """Runs until ``close``. ``period_s`` is for tests of whole stores."""

    def __init__(
        self, gate: Gate, seats: Seats, held: Held, hub_id: str, period_s: float = PERIOD_S
    ) -> None:
        self._gate = gate
        self._seats = seats
        self._held = held
        self._hub_id = hub_id
        self._period_s = period_s
        self._owned: set[int] = set(range(PARTITIONS))
        self._asserted = False  # all this hub holds stands in the Redis it is connected to
        self._windows: dict[int, int] = {}  # partition -> when its window opened
        self._turn = 0
        self._since = monotonic()  # this hub has beaten without a break since then
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns after two rounds: a window left by the silence before this hub is over
        unless other hubs have still to report."""
        for _ in range(2):
            await self.beat()
            await self.sweep()
        self._task = asyncio.create_task(self._run(), name="store-sweeper")

    async def close(self) -> None:
        if self._task is None:
            return
        await end(self._task)
        self._task = None
        with contextlib.suppress(StoreLost, ResponseError):
            submitter = self._gate.submitter
            await submitter.call("ZREM", keys.HUBS_SEEN, self._hub_id)
            await submitter.call("ZREM", keys.HUBS_REPORTED, self._hub_id)

    async def reassert(self) -> None:
        """Say again what this hub holds; run after each connect, before anything is reported."""
        self._asserted = False
        self._since = monotonic()
        await self._seats.renew(self._held.renewals(self._gate.config.limits.lease_ms))
        self._asserted = True
        await self.beat()

    async def beat(self) -> None:
        """This hub lives, and (once asserted) all it holds stands in this Redis."""
        submitter = self._gate.submitter
        seconds, micros = await submitter.call("TIME")
        now = int(seconds) * 1000 + int(micros) // 1000
        await submitter.call("ZADD", keys.HUBS_SEEN, now, self._hub_id)
        if self._asserted:
            await submitter.call("ZADD", keys.HUBS_REPORTED, now, self._hub_id)
        # After an outage every hub's last beat is old: only who was silent while this hub was
        # here is gone, the others are waited for.
        if monotonic() - self._since > HUB_GONE_MS / 1000:
            await submitter.call("ZREMRANGEBYSCORE", keys.HUBS_SEEN, "-inf", now - HUB_GONE_MS)

    async def _run(self) -> None:
        last = monotonic()
        while True:
            try:
                stood_still = monotonic() - last > outage_ms(self._gate.config) / 1000
                last = monotonic()
                if stood_still or not self._asserted:
                    await self.reassert()  # others may have moved on meanwhile
                await self.beat()
                await self.sweep()
            except (StoreLost, ResponseError) as fault:
                log.warning("sweep put off", fault=str(fault))
            except Exception:
                # The next second's sweep, and the heartbeat, must come whatever one room did.
                log.exception("sweep failed")
            # A reclaim window keeps people waiting: look more often for its end.
            await asyncio.sleep(self._period_s / 4 if self._windows else self._period_s)

    async def sweep(self) -> None:
        """One second's work over the partitions that are this hub's, or may become so."""
        self._turn += 1
        if self._turn % 60 == 0:
            self._held.renewals(self._gate.config.limits.lease_ms)  # lets go of what is silent
        everyone = self._turn % OTHERS_EVERY == 0
        mine = [i for i in range(PARTITIONS) if everyone or i in self._owned]
        ended = await self._reported() if self._windows else 0
        due = await asyncio.gather(*(self._due(index, ended) for index in mine))
        rooms = [room for found in due for room in found]
        for start in range(0, len(rooms), 64):
            batch = rooms[start : start + 64]
            await asyncio.gather(*(self._sweep_room(room) for room in batch))

    async def _due(self, index: int, ended: int) -> list[str]:
        answer = await self._gate.submitter.script(
            "due", keys.partition_keys(index),
            [self._hub_id, self._gate.submitter.run_id, LEASE_MS, outage_ms(self._gate.config),
             WINDOW_MS, "1" if ended else "0", ended],
        )  # fmt: skip
        if answer[0] == 0:
            self._owned.discard(index)
            self._windows.pop(index, None)
            return []
        self._owned.add(index)
        if answer[1]:
            self._windows[index] = answer[1]
        else:
            self._windows.pop(index, None)
        return [room.decode() for room in answer[3:]]

    async def _sweep_room(self, room: str) -> None:
        with contextlib.suppress(Refusal):  # unknown_room: its keys are gone
            for _ in range(SWEEPS_MAX):
                _, more = await self._gate.run("sweep", room)
                if not more:
                    return

    async def _reported(self) -> int:
        """Up to when every hub that was there has reported; a window opened before may end."""
        submitter = self._gate.submitter
        seen = await submitter.call("ZRANGE", keys.HUBS_SEEN, 0, -1)
        if not seen:
            return 0
        found = await submitter.call("ZMSCORE", keys.HUBS_REPORTED, *seen)
        return min(int(float(score)) if score else 0 for score in found)
