"""Announcements of the organiser: what holds, for whom, and telling those it is for.

Whom one is for is asked of SQL when it is told. SQL has the last word: what this hub knows to
hold is looked up again every minute, and whenever it may have missed a notice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from hub.live.reminders import wall_clock_ms
from hub.ports import DirectoryLost, StoreLost
from hub.ports.fair import Announcement
from hub.services import Services
from rooms import news as n
from rooms.messages import ServerMessage, encode
from rooms.model import Identity, Role
from rooms.times import rfc3339

if TYPE_CHECKING:
    from hub.live.news import NewsHub

log = structlog.get_logger(__name__)

BATCH: Final = 500
WORK_MAX: Final = 1_000
REFRESH_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Holding:
    """An announcement that holds, as this hub knows."""

    message: n.Announcement
    audience: n.Audience
    until_ms: int


class Announcing:
    def __init__(self, services: Services, news: NewsHub) -> None:
        self._announcements = services.fair.announcements
        self._news = news
        self._work: asyncio.Queue[n.AnnouncedNotice | n.WithdrawnNotice | None] = asyncio.Queue(
            WORK_MAX
        )
        self._holds: dict[str, Holding] = {}  # what SQL gives and REFRESH_S of notices
        self._changes = 0  # notices taken: a look at SQL that one came into is done again

    def notice(self, notice: n.AnnouncedNotice | n.WithdrawnNotice) -> None:
        """What is for everybody goes at once, what is for some waits for SQL; each kind stays
        in order."""
        self._changes += 1
        match notice:
            case n.AnnouncedNotice():
                self._holds[notice.id] = Holding(
                    _announced(notice), notice.audience, notice.until_ms
                )
            case n.WithdrawnNotice():
                self._holds.pop(notice.id, None)
        match notice:
            case n.AnnouncedNotice() if notice.audience.everybody:
                self._to_all(notice.id, _announced(notice))
            case n.WithdrawnNotice() if notice.audience.everybody:
                self._to_all(notice.id, n.Withdrawn(id=notice.id))
            case _:
                self._later(notice)

    def lost(self) -> None:
        self._later(None)

    def _later(self, notice: n.AnnouncedNotice | n.WithdrawnNotice | None) -> None:
        try:
            self._work.put_nowait(notice)
        except asyncio.QueueFull:
            log.error("news given up: too many at once")

    def _to_all(self, id: str, message: ServerMessage) -> None:
        self._news.group.latest(id, encode(message))

    async def work(self) -> None:
        """Runs until cancelled: what cannot be told without asking SQL."""
        self._later(None)
        while True:
            try:
                async with asyncio.timeout(REFRESH_S):
                    notice = await self._work.get()
            except TimeoutError:
                notice = None
            try:
                if notice is None:
                    await self._look_again()
                elif isinstance(notice, n.AnnouncedNotice):
                    await self._to_some(notice.audience, _announced(notice))
                elif isinstance(notice, n.WithdrawnNotice):
                    await self._to_some(notice.audience, n.Withdrawn(id=notice.id))
            except (StoreLost, DirectoryLost) as fault:
                log.warning("news not told", fault=str(fault))
            except Exception:
                # One that cannot be told must not stop those behind it.
                log.exception("news failed")

    async def _to_some(self, audience: n.Audience, message: ServerMessage) -> None:
        packed = self._news.pack((message,))
        people = list(self._news.people)
        for start in range(0, len(people), BATCH):
            some = people[start : start + BATCH]
            for id in await self._addressed(audience, some):
                for reader in self._news.people.get(id, ()):
                    reader.deliver(packed)

    async def _addressed(self, audience: n.Audience, people: list[str]) -> set[str]:
        found = set(await self._announcements.addressed(audience, people))
        if audience.roles_only:
            # Signed in without an account (by a link): the role is all that is known.
            for id in people:
                pages = self._news.people.get(id)
                identity = pages[0].identity if pages else None
                if (
                    identity is not None
                    and identity.room is None
                    and identity.role in (Role.MODERATOR, Role.ORGANISER)
                    and identity.role.value in audience.roles
                ):
                    found.add(id)
        return found

    def for_all(self) -> tuple[n.Announcement, ...]:
        now = wall_clock_ms()
        return tuple(
            one.message
            for one in self._holds.values()
            if one.audience.everybody and one.until_ms > now
        )

    async def of(self, identity: Identity) -> tuple[n.Announcement, ...]:
        """All that hold for this person. Raises DirectoryLost."""
        while True:
            changes, now = self._changes, wall_clock_ms()
            out = [
                one.message
                for one in list(self._holds.values())
                if one.until_ms > now
                and (one.audience.everybody or await self._addressed(one.audience, [identity.id]))
            ]
            if changes == self._changes:
                return tuple(out)

    async def _look_again(self) -> None:
        """Ask SQL what holds; when that is not what this hub knew, everyone gets it."""
        while True:
            changes = self._changes
            found = await self._announcements.current()
            if changes == self._changes:
                break
        before, now = self._holds, wall_clock_ms()
        self._holds = {
            one.id: Holding(_as_message(one), one.audience, one.until_ms) for one in found
        }
        if self._holds == {id: one for id, one in before.items() if one.until_ms > now}:
            return
        for_all = self._news.pack((n.Current(announcements=self.for_all()),))
        some = any(not one.audience.everybody for one in self._holds.values())
        for count, reader in enumerate(list(self._news.readers), 1):
            if some and reader.identity is not None:
                reader.send(n.Current(announcements=await self.of(reader.identity)))
            else:
                reader.deliver(for_all)
            if count % BATCH == 0:
                await asyncio.sleep(0)


def _announced(notice: n.AnnouncedNotice) -> n.Announcement:
    return n.Announcement(
        id=notice.id,
        texts=notice.texts,
        at=rfc3339(notice.at_ms),
        until=rfc3339(notice.until_ms),
    )


def _as_message(one: Announcement) -> n.Announcement:
    return n.Announcement(
        id=one.id,
        texts=dict(one.texts),
        at=rfc3339(one.created_ms),
        until=rfc3339(one.until_ms),
    )
