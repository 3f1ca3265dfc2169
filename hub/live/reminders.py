"""Ten minutes before a conference begins, those who have it in the agenda are told.

Each hub tells the pages open at it. A conference is looked up whole when it comes within ten
minutes; after that only what was added to an agenda or moved since; a page opened within the
ten minutes asks for its person when it says who it is. Each page is told once (``NewsHub.remind``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from hub.ports.programme import Reminder
from hub.services import Services
from rooms import news as n
from rooms.times import rfc3339

if TYPE_CHECKING:
    from hub.live.news import NewsHub

BEFORE_MS: Final = 10 * 60_000
#: Clocks of hub and database writers differ, and a write takes a moment to be seen.
SLACK_MS: Final = 5_000
#: Pages of rows in one look: 100,000 people who chose what begins in the same ten minutes.
PAGES_MAX: Final = 50


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Reminders:
    EVERY_S: Final = 15.0

    def __init__(
        self, services: Services, news: NewsHub, now_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        self._announcements = services.fair.announcements
        self._news = news
        self.now_ms = now_ms
        self._looked: int | None = None  # when the last look was begun

    async def of(self, person: str) -> tuple[n.Reminder, ...]:
        """What begins within ten minutes of a person's agenda. Raises DirectoryLost."""
        now = self.now_ms()
        due = await self._announcements.due(now, now + BEFORE_MS, person=person)
        return tuple(_message(one) for one in due)

    async def look(self) -> None:
        """The job. Raises DirectoryLost: the next look then covers this one's time too."""
        now, before = self.now_ms(), self._looked
        if not self._news.people:
            self._looked = now  # whoever comes asks for themselves
            return
        if before is None:
            await self._tell(now, now + BEFORE_MS, None)
        else:
            edge = min(max(now, before + BEFORE_MS), now + BEFORE_MS)
            await self._tell(now, edge, before - SLACK_MS)
            await self._tell(edge, now + BEFORE_MS, None)
        self._looked = now

    async def _tell(self, from_ms: int, to_ms: int, touched_ms: int | None) -> None:
        after: tuple[str, str] | None = None
        for _ in range(PAGES_MAX):
            rows = await self._announcements.due(from_ms, to_ms, touched_ms=touched_ms, after=after)
            if not rows:
                return
            self._deliver(rows)
            after = (rows[-1].conference, rows[-1].person)

    def _deliver(self, rows: Iterable[Reminder]) -> None:
        for one in rows:
            if one.person in self._news.people:
                self._news.remind(one.person, (_message(one),))


def _message(one: Reminder) -> n.Reminder:
    # Moved to another time it is another reminder.
    return n.Reminder(
        id=f"{one.conference}.{one.starts_ms}",
        conference=one.conference,
        title=one.title,
        titles=dict(one.titles),
        room=one.room,
        starts_at=rfc3339(one.starts_ms),
    )
