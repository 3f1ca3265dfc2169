"""Rooms open and close by their programme.

Every hub looks every few seconds which rooms' times are not as their programme wants them and
changes those, the stored ones by compare and swap and the running ones with it: whichever hub
is first does it, the others find nothing to do. A room whose conference is over is closed by
its own closing time; with the times of its next conference it is scheduled again. When the
programme no longer names a room at all, it has no times, as a room that was never in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
from aiohttp import web

from hub.ports import DirectoryLost, StoreLost
from hub.ports.programme import Filter, Hours
from hub.services import Services
from hub.web.problems import Problem
from hub.web.rooms_api import apply_change, find_room, in_force, live_view, now_ms
from rooms.errors import Refusal
from rooms.model import RoomSpec

EVERY_S: Final = 3.0
#: Runs between looks at all rooms, whether the running ones stand as the stored ones do.
COMPARE_EVERY: Final = 10

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Opening:
    """The job of one hub."""

    services: Services
    runs: int = 0

    async def run(self) -> None:
        """Raises DirectoryLost or StoreLost: the next run goes on."""
        for hours in await self.services.fair.conferences.hours():
            await self._obey(hours)
        if self.runs % COMPARE_EVERY == 0:
            await self._compare()
        self.runs += 1

    async def _obey(self, hours: Hours) -> None:
        try:
            record = await find_room(self.services, hours.room)
            if record.spec.closed:
                return
            before = in_force(record, await live_view(self.services, record))
            spec = msgspec.structs.replace(
                before, opens_at=hours.opens_ms, closes_at=hours.closes_ms
            )
            if spec != before:
                await apply_change(self.services, record, before, spec)
                log.info("room follows its programme", room=hours.room, to=hours.conference)
        except (Refusal, Problem) as put_off:
            # Closed for good, or someone changed it just now: the next run looks again.
            log.info("room put off", room=hours.room, why=str(put_off))

    async def _compare(self) -> None:
        """A hub that ended between its two writes has left the running room as it was."""
        running = {row.room: row for row in (await self.services.board.read()).rows}
        for hours in await self.services.fair.conferences.hours(all_rooms=True):
            row = running.get(hours.room)
            wanted = RoomSpec(
                slug=hours.room, title="", opens_at=hours.opens_ms, closes_at=hours.closes_ms
            )
            if row is None or row.state is wanted.state(now_ms()):
                continue
            record = await self.services.directory.room(hours.room)
            if record is None or record.spec.closed:
                continue
            view = await live_view(self.services, record)
            times = (record.spec.opens_at, record.spec.closes_at)
            if (view.spec.opens_at, view.spec.closes_at) != times:
                await self.services.admission.settings(in_force(record, view))


async def let_go(services: Services, room: str) -> None:
    """Take the programme's times off a room whose last conference was deleted or moved away.

    What this serves is stored by then: a failure is logged, and the organiser may set the
    room's times by hand.
    """
    try:
        if (await services.fair.conferences.find(Filter(room=room), None, 1))[0]:
            return
        record = await find_room(services, room)
        if record.spec.closed:
            return
        before = in_force(record, await live_view(services, record))
        spec = msgspec.structs.replace(before, opens_at=None, closes_at=None)
        if spec != before:
            await apply_change(services, record, before, spec)
            log.info("room left the programme", room=room)
    except (Refusal, Problem, DirectoryLost, StoreLost) as fault:
        log.warning("room keeps its times", room=room, why=str(fault))


_OPENING: Final[web.AppKey[Opening]] = web.AppKey("opening", Opening)


def setup(app: web.Application, services: Services) -> None:
    app[_OPENING] = opening = Opening(services)
    services.jobs.every(EVERY_S, "rooms follow the programme", opening.run)
