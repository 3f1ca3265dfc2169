"""What time does to appointments: requests lapse, both sides are reminded, who came is noted.

Every hub looks; SQL decides which of them has taken each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from hub.services import Services
from hub.web.appointments import follow_up, remind
from hub.web.pages import PAGES, Pages

EVERY_S: Final = 5.0


@dataclass(slots=True)
class Passing:
    """The job of one hub. Raises DirectoryLost: the next run goes on."""

    pages: Pages

    async def run(self) -> None:
        part = self.pages.services.fair.appointments
        for change in await part.lapse():
            await follow_up(self.pages, change)
        sessions: set[str] = set()  # whose host was reminded
        for one in await part.remind():
            session = one.slot if one.form == "group" and one.slot is not None else one.id
            await remind(self.pages, one, host=session not in sessions)
            sessions.add(session)
        for change in await part.follow():
            await follow_up(self.pages, change)


PASSING: Final[web.AppKey[Passing]] = web.AppKey("appointments_passing", Passing)


def setup(app: web.Application, services: Services) -> None:
    app[PASSING] = passing = Passing(app[PAGES])
    services.jobs.every(EVERY_S, "appointments", passing.run)
