"""When rooms are to be open, and who has a speaker's role in them just then."""

from __future__ import annotations

import time
from typing import Any, Final

import sqlalchemy as sa
import structlog

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import companies, company_staff, conferences, people, rooms, speakers
from hub.ports import DirectoryLost
from hub.ports.programme import Hours
from rooms.model import Role

FRESH_S: Final = 2.0  # how old the map of roles may be
ROOMS_MAX: Final = 2_000  # brought up to date in one run
_LOOK_BACK_MS: Final = 86_400_000  # what ended longer ago has no say in today's hours
_C: Final = conferences.c

log = structlog.get_logger(__name__)


def windows(now_ms: int, before_ms: int, after_ms: int) -> sa.Subquery:
    """slug, room, opens, closes, of every conference that is not cancelled and may matter.

    Its room is open from ``before_ms`` before it until ``after_ms`` after it. Where the next
    in the room begins sooner than both together, the gap is shared in their proportion.
    """
    share = before_ms + after_ms
    order: dict[str, Any] = {"partition_by": _C.room, "order_by": _C.starts_ms}
    listed = (
        sa.select(
            _C.slug, _C.room, _C.starts_ms, _C.ends_ms,
            sa.func.lag(_C.ends_ms).over(**order).label("previous"),
            sa.func.lead(_C.starts_ms).over(**order).label("following"),
        )
        .where(_C.cancelled.is_(False), _C.ends_ms > now_ms - _LOOK_BACK_MS)
        .subquery()
    )  # fmt: skip
    one = listed.c

    def shared(end: Any, start: Any) -> Any:
        return end + (start - end) * after_ms // max(1, share)

    def whole(gap: Any) -> sa.ColumnElement[bool]:
        return sa.or_(gap.is_(None), gap >= share)

    opens = sa.case(
        (whole(one.starts_ms - one.previous), one.starts_ms - before_ms),
        else_=shared(one.previous, one.starts_ms),
    )
    closes = sa.case(
        (whole(one.following - one.ends_ms), one.ends_ms + after_ms),
        else_=shared(one.ends_ms, one.following),
    )
    whole_ms = sa.BigInteger()
    return sa.select(
        one.slug, one.room, one.starts_ms,
        sa.cast(opens, whole_ms).label("opens"), sa.cast(closes, whole_ms).label("closes"),
    ).subquery()  # fmt: skip


class RoomHours(Part):
    """The cache is this hub's own; several hubs agree to within ``FRESH_S``."""

    _roles: dict[tuple[str, str], Role]
    _read_at: float = float("-inf")

    def _windows(self, now_ms: int) -> sa.Subquery:
        hours = self._config.programme
        return windows(now_ms, hours.open_before_s * 1000, hours.close_after_s * 1000)

    async def role_in(self, room: str, person: str) -> Role | None:
        if time.monotonic() - self._read_at > FRESH_S:
            self._read_at = time.monotonic()  # one looks, the others take what is known
            try:
                self._roles = await self._read_roles()
            except DirectoryLost:
                self._roles = getattr(self, "_roles", {})
                log.warning("the speakers of the moment were not read")
        return getattr(self, "_roles", {}).get((room, person))

    async def _read_roles(self) -> dict[tuple[str, str], Role]:
        now = self._now_ms()
        open_now = self._windows(now)
        query = (
            sa.select(open_now.c.room, speakers.c.person, speakers.c.role)
            .join(speakers, speakers.c.conference == open_now.c.slug)
            .where(
                open_now.c.opens <= now,
                open_now.c.closes > now,
                speakers.c.person.is_not(None),
            )
        )
        found: dict[tuple[str, str], Role] = {}
        async with transaction(self._engine) as connection:
            for room, person, role in await connection.execute(query):
                if found.get((room, person)) is not Role.HOST:
                    found[room, person] = Role.HOST if role == "host" else Role.SPEAKER
        return found

    async def affiliation(self, person: str) -> str | None:
        query = (
            sa.select(companies.c.name)
            .join(company_staff, company_staff.c.company == companies.c.slug)
            .where(company_staff.c.person == person)
            .order_by(company_staff.c.created_ms)
            .limit(1)
        )
        own = sa.select(people.c.organisation, people.c.shows).where(people.c.id == person)
        async with transaction(self._engine) as connection:
            name = (await connection.execute(query)).scalar_one_or_none()
            if name is not None:
                return str(name)
            row = (await connection.execute(own)).one_or_none()
        # Not staff of anything: what they wrote of themselves, if they show it.
        return row.organisation if row is not None and "organisation" in row.shows else None

    async def hours(self, *, all_rooms: bool = False) -> tuple[Hours, ...]:
        now = self._now_ms()
        listed = self._windows(now)
        first = sa.func.row_number().over(partition_by=listed.c.room, order_by=listed.c.starts_ms)
        coming = sa.select(listed, first.label("place")).where(listed.c.closes > now).subquery()
        query = (
            sa.select(coming.c.room, coming.c.opens, coming.c.closes, coming.c.slug)
            .join(rooms, rooms.c.slug == coming.c.room)
            .where(coming.c.place == 1, rooms.c.closed.is_(False))
            .limit(ROOMS_MAX)
        )
        if not all_rooms:
            query = query.where(
                sa.or_(
                    rooms.c.opens_at.is_distinct_from(coming.c.opens),
                    rooms.c.closes_at.is_distinct_from(coming.c.closes),
                )
            )
        # A room with a programme of which nothing is left does not stay open for what was
        # cancelled or moved away.
        over = (
            sa.select(rooms.c.slug, rooms.c.opens_at)
            .where(
                rooms.c.closed.is_(False),
                rooms.c.closes_at > now,
                rooms.c.slug.in_(sa.select(_C.room)),
                rooms.c.slug.not_in(sa.select(listed.c.room).where(listed.c.closes > now)),
            )
            .limit(ROOMS_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
            ended = (await connection.execute(over)).all()
        found = [Hours(row.room, row.opens, row.closes, row.slug) for row in rows]
        for row in ended:
            opens = row.opens_at if row.opens_at is not None and row.opens_at < now else None
            found.append(Hours(row.slug, opens, now, None))
        return tuple(found)
