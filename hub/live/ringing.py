"""Rings at booths, as far as open pages go: whose visitor is gone, what rings for whom.

Every hub knows who rings, from the notices. While somebody rings, each hub with a page of
theirs says so in the store; the one that loses the last page anywhere ends the ring. Three
seconds of grace are for a page that changes. A visitor whose page was gone before any hub had
greeted it was never lost by one: ten seconds after a ring began each hub asks whether there is
a page at all. Rings nobody answered are ended by whichever hub looks first.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from hub.services import Services
from rooms import news as n
from rooms.rings import Happening, ended, message

if TYPE_CHECKING:
    from hub.live.news import NewsHub

GRACE_S: Final = 3.0
#: A page says hello within five seconds, and comes back from a lost line in less than these.
GREETED_S: Final = 10.0
#: Rings known at once, the oldest given up first: each is over within half a minute.
KNOWN_MAX: Final = 10_000


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Ringing:
    EVERY_S: Final = 1.0

    def __init__(self, services: Services, news: NewsHub) -> None:
        self._rings = services.fair.rings
        self._channel = services.news
        self._news = news
        self._known: OrderedDict[str, n.RingNotice] = OrderedDict()  # by visitor
        self._overs = 0  # a look at SQL that one came into is done again

    # --- what other hubs say ------------------------------------------------------------------

    def notice(self, notice: n.RingNotice | n.RingOverNotice) -> None:
        if isinstance(notice, n.RingOverNotice):
            self._overs += 1
            known = self._known.get(notice.visitor or "")
            if known is not None and known.id == notice.id:
                del self._known[known.visitor]
            return
        self._known[notice.visitor] = notice
        self._known.move_to_end(notice.visitor)
        self._forget()
        if notice.visitor in self._news.people:
            self._news.spawn(self._channel.here(notice.visitor))
        if notice.page:
            self._news.later(GREETED_S, self._unheard, notice)

    def _forget(self) -> None:
        now = wall_clock_ms()
        while self._known:
            oldest = next(iter(self._known.values()))
            if oldest.until_ms > now and len(self._known) <= KNOWN_MAX:
                return
            del self._known[oldest.visitor]

    # --- pages that come and go ---------------------------------------------------------------

    async def came(self, person: str) -> None:
        """Raises StoreLost."""
        await self._channel.seen((person,))
        if person in self._known:
            await self._channel.here(person)

    async def of(self, person: str) -> tuple[n.Ring, ...]:
        """What rings for them now. Raises DirectoryLost."""
        while True:
            overs = self._overs
            ring = await self._rings.ringing_for(person)
            if overs == self._overs or ring is None:
                return () if ring is None else (message(ring),)

    def left(self, person: str) -> None:
        """Their last page here is gone; perhaps it only changes."""
        self._news.later(GRACE_S, self._gone, person)

    def _gone(self, person: str) -> None:
        if person not in self._news.people and not self._news.leaving:
            self._news.spawn(self._away(person))

    def _unheard(self, notice: n.RingNotice) -> None:
        """Their page had the time to be greeted, if it is still there."""
        visitor, news = notice.visitor, self._news
        if self._known.get(visitor) is notice and visitor not in news.people and not news.leaving:
            news.spawn(self._drop(visitor))

    async def _away(self, person: str) -> None:
        await self._channel.went(person)
        await self._drop(person)

    async def _drop(self, person: str) -> None:
        """End their ring, when no hub has a page of theirs any more."""
        known = self._known.get(person)
        if known is None or await self._channel.gone(person):
            return
        over = await self._rings.end(known.id, Happening.DROP, person)
        if over is not None:
            for notice in ended(over):
                await self._channel.tell(notice)

    # --- time ---------------------------------------------------------------------------------

    async def look(self) -> None:
        """The job. Raises DirectoryLost, StoreLost."""
        for over in await self._rings.overdue():
            for notice in ended(over):
                await self._channel.tell(notice)
