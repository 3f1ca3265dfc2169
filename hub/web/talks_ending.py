"""Talks end by themselves: when their planned end has passed, at once when nobody is inside, a
few minutes later when somebody is.

Every hub looks; SQL decides which of them ends a talk. What Redis could not be told when a talk
ended is told again. A week later what was put into it is deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from hub.ports import BoardRow
from hub.services import Services
from hub.web.auth import KEY_IDENTITY
from hub.web.talks import close_running, end_talk, now_ms
from rooms.errors import Refusal
from rooms.model import RoomState

EVERY_S: Final = 5.0
TIDY_EVERY_S: Final = 600.0
BATCH: Final = 500  # talks ended in one run
LOOK: Final = 5_000  # talks within their grace that are looked at
TIDIED: Final = 100

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Ending:
    """The jobs of one hub. Raise DirectoryLost or StoreLost: the next run goes on."""

    services: Services

    async def run(self) -> None:
        talks = self.services.fair.talks
        board = {row.room: row for row in (await self.services.board.read()).rows}
        now = now_ms()
        over = await talks.overdue(now, BATCH)
        for room in over:
            await self._end(room)
        left = BATCH - len(over)
        passed = await talks.overdue(now, LOOK, grace_ms=0)
        for room in [one for one in passed if one not in set(over)]:
            if left > 0 and not _taken(board.get(room)) and await self._empty(room):
                await self._end(room)
                left -= 1
        await self._close_again(board)

    async def _end(self, room: str) -> None:
        if await end_talk(self.services, room, KEY_IDENTITY, "time"):
            log.info("a talk's time is over", room=room)

    async def _empty(self, room: str) -> bool:
        """As Redis has it now: the board may be two seconds behind."""
        try:
            return (await self.services.admission.view(room)).counts.occupied == 0
        except Refusal:
            return True  # nobody ever entered

    async def _close_again(self, board: dict[str, BoardRow]) -> None:
        for room in await self.services.fair.talks.ended_lately(LOOK):
            row = board.get(room)
            if row is not None and row.state is not RoomState.CLOSED:
                await close_running(self.services, room, KEY_IDENTITY)

    async def tidy(self) -> None:
        while await self.services.fair.talks.forget_old(TIDIED) == TIDIED:
            pass


def _taken(row: BoardRow | None) -> bool:
    return row is not None and row.live + row.held + row.offered > 0


ENDING: Final[web.AppKey[Ending]] = web.AppKey("talks_ending", Ending)


def setup(app: web.Application, services: Services) -> None:
    app[ENDING] = ending = Ending(services)
    services.jobs.every(EVERY_S, "talks end", ending.run)
    services.jobs.every(TIDY_EVERY_S, "old talks are forgotten", ending.tidy)
