"""``hub.ports.Board``: the whole fair's occupancy without a counter that everyone writes.

Each room script keeps its room's row in its partition's hash. One hub at a time, the
leader, reads the 128 hashes every second and writes one snapshot that all read.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import Final, NamedTuple

import msgspec
import structlog
from redis.exceptions import ResponseError

from hub.ports import BoardRow, BoardSnapshot, StoreLost
from hub.store import keys
from hub.store.submitter import Submitter, end
from hub.store.tags import PARTITIONS
from rooms.model import RoomSpec, RoomState

PERIOD_S: Final = 1.0
LEADER_MS: Final = 4_000
STALE_MS: Final = 2_000
CACHE_MS: Final = 500

_json: Final = msgspec.json.Encoder()
_snapshot: Final = msgspec.json.Decoder(BoardSnapshot)
log = structlog.get_logger(__name__)


class _Seen(NamedTuple):
    """A row as it was read, so that a fair of 5,000 quiet rooms costs the leader 5 ms, not 50."""

    text: bytes
    row: BoardRow
    until_ms: float  # from when it says something else by itself


class RedisBoard:
    def __init__(self, submitter: Submitter, hub_id: str) -> None:
        self._submitter = submitter
        self._hub_id = hub_id
        self._cached: BoardSnapshot | None = None
        self._task: asyncio.Task[None] | None = None
        self._seen: dict[bytes, _Seen] = {}  # of the last sum: as many as there are rooms

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="store-board")

    async def close(self) -> None:
        if self._task is None:
            return
        await end(self._task)
        self._task = None
        with contextlib.suppress(StoreLost, ResponseError):
            if await self._leads():
                await self._submitter.call("DEL", keys.BOARD_LEADER)

    async def read(self) -> BoardSnapshot:
        now = await self._now()
        cached = self._cached
        if cached is not None and 0 <= now - cached.at_ms < CACHE_MS:
            return cached
        raw = await self._submitter.call("GET", keys.BOARD_SNAPSHOT)
        found = _snapshot.decode(raw) if raw else None
        if found is None or now - found.at_ms > STALE_MS:
            found = await self.sum()  # no leader just now: exact, at the reader's cost
        self._cached = found
        return found

    async def sum(self) -> BoardSnapshot:
        """Read every partition's rows now."""
        now = await self._now()
        tables = await asyncio.gather(
            *(self._submitter.call("HGETALL", keys.occ(index)) for index in range(PARTITIONS))
        )
        seen: dict[bytes, _Seen] = {}
        rows = []
        for table in tables:
            for room, text in zip(table[::2], table[1::2], strict=True):
                known = self._seen.get(room)
                if known is None or known.text != text or now >= known.until_ms:
                    known = _Seen(text, *row(room.decode(), text.decode(), now))
                seen[room] = known
                rows.append(known.row)
        self._seen = seen
        return BoardSnapshot(now, tuple(sorted(rows, key=lambda found: found.room)))

    async def _now(self) -> int:
        seconds, micros = await self._submitter.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def _leads(self) -> bool:
        """Hold the leader's key, or take it when it is free."""
        call = self._submitter.call
        if await call("SET", keys.BOARD_LEADER, self._hub_id, "NX", "PX", LEADER_MS):
            return True
        leader = await call("GET", keys.BOARD_LEADER)
        if leader != self._hub_id.encode():
            return False
        await call("PEXPIRE", keys.BOARD_LEADER, LEADER_MS)
        return True

    async def _run(self) -> None:
        while True:
            started = time.monotonic()
            try:
                if await self._leads():
                    raw = _json.encode(await self.sum())
                    await self._submitter.call("SET", keys.BOARD_SNAPSHOT, raw, "PX", 10_000)
            except (StoreLost, ResponseError) as fault:
                log.warning("board not summed", fault=str(fault))
            except Exception:
                log.exception("board not summed")  # a row that is none; the next second tries
            await asyncio.sleep(max(0.1, PERIOD_S - (time.monotonic() - started)))


def row(room: str, text: str, now: int) -> tuple[BoardRow, float]:
    """One line of a partition's hash, as ``set_occ`` in scripts/prelude.lua writes it; and how
    long it stays true while the line stays the same, in ms of Redis's clock."""
    (live, held, offered, waiting, capacity, reserved, locked, stage, hands, since, opens, closes,
     closed, *more) = text.split(",")  # fmt: skip
    opens_at, closes_at = int(opens) if opens else None, int(closes) if closes else None
    times = RoomSpec(
        slug=room, title="", closed=closed == "1", opens_at=opens_at, closes_at=closes_at
    )
    waits = max(0, now - int(since)) if int(waiting) else None
    found = BoardRow(
        room, int(live), int(held), int(offered), int(waiting), int(capacity), int(reserved),
        locked == "1", RoomState(times.state(now)), int(stage), int(hands), waits,
        int(more[0]) if more and more[0] != "-1" else None,
    )  # fmt: skip
    if waits is not None:
        return found, now
    return found, min((at for at in (opens_at, closes_at) if at and at > now), default=math.inf)
