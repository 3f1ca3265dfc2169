"""What a person chose: agenda, reminders, the calendar feed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.fair.base import Part
from hub.fair.conferences.rows import SELECT, with_speakers
from hub.fair.engine import transaction
from hub.fair.tables import agenda, calendar_feeds, conferences, people
from hub.ports.programme import Conference, Reminder

AGENDA_MAX: Final = 1_000
CLASHES_MAX: Final = 5
REMINDERS_MAX: Final = 5_000
_C: Final = conferences.c


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Agendas(Part):
    """Every method but ``reminders`` and ``feed_owner`` is one person's own affair."""

    async def add_to_agenda(
        self, person: str, slug: str, *, anyway: bool = True
    ) -> tuple[Conference, ...]:
        other, mine = conferences.alias(), agenda.alias()
        clashing = (
            sa.select(other.c.slug)
            .join(mine, mine.c.conference == other.c.slug)
            .where(
                mine.c.person == person,
                other.c.slug != slug,
                other.c.cancelled.is_(False),
                other.c.starts_ms < _C.ends_ms,
                other.c.ends_ms > _C.starts_ms,
                _C.cancelled.is_(False),
            )
            .correlate(conferences)
        )
        chosen = (
            sa.select(people.c.id, _C.slug, sa.literal(self._now_ms(), sa.BigInteger))
            .join_from(people, conferences, _C.slug == slug)
            .where(
                people.c.id == person,
                ~sa.exists().where(agenda.c.person == person, agenda.c.conference == slug),
            )
        )
        if not anyway:
            chosen = chosen.where(~clashing.exists())
        try:
            async with transaction(self._engine) as connection:
                await connection.execute(
                    sa.insert(agenda).from_select(["person", "conference", "added_ms"], chosen)
                )
        except IntegrityError:
            pass  # added a moment ago by another page of theirs
        known = sa.select(_C.slug).where(_C.slug == slug, sa.exists().where(people.c.id == person))
        against = conferences.alias()
        clashes = (
            SELECT.join(agenda, agenda.c.conference == _C.slug)
            .join(against, against.c.slug == slug)
            .where(
                agenda.c.person == person, _C.slug != slug,
                _C.cancelled.is_(False), against.c.cancelled.is_(False),
                _C.starts_ms < against.c.ends_ms, _C.ends_ms > against.c.starts_ms,
            )
            .order_by(_C.starts_ms)
            .limit(CLASHES_MAX)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            if (await connection.execute(known)).one_or_none() is None:
                raise LookupError(slug)
            return await with_speakers(connection, (await connection.execute(clashes)).all())

    async def remove_from_agenda(self, person: str, slug: str) -> bool:
        gone = (
            sa.delete(agenda)
            .where(agenda.c.person == person, agenda.c.conference == slug)
            .returning(agenda.c.conference)
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(gone)).one_or_none() is not None

    async def agenda_slots(
        self, person: str, language: str = ""
    ) -> tuple[tuple[str, str, int, int], ...]:
        query = (
            sa.select(_C.slug, _C.title, _C.titles, _C.starts_ms, _C.ends_ms)
            .join(agenda, agenda.c.conference == _C.slug)
            .where(agenda.c.person == person, _C.cancelled.is_(False))
            .order_by(_C.starts_ms)
            .limit(AGENDA_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            (row.slug, row.titles.get(language, row.title), row.starts_ms, row.ends_ms)
            for row in rows
        )

    async def reminders(
        self, from_ms: int, to_ms: int, *, after: tuple[str, str] | None = None,
        limit: int = REMINDERS_MAX,
    ) -> tuple[Reminder, ...]:  # fmt: skip
        key = (agenda.c.conference, agenda.c.person)
        query = (
            sa.select(agenda.c.person, _C.slug, _C.title, _C.titles, _C.room, _C.starts_ms)
            .join(agenda, agenda.c.conference == _C.slug)
            .where(_C.starts_ms >= from_ms, _C.starts_ms < to_ms, _C.cancelled.is_(False))
            .order_by(*key)
            .limit(max(1, min(limit, REMINDERS_MAX)))
        )
        if after is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            Reminder(row.person, row.slug, row.title, row.titles, row.room, row.starts_ms)
            for row in rows
        )

    # --- the calendar feed ---

    def _secret(self, person: str, created_ms: int) -> str:
        """43 characters, made anew from the hub's key when asked for: the database has their
        hash alone, and still the person can read their address again."""
        mac = hmac.digest(self._keys.vault, f"calendar|{person}|{created_ms}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    async def feed(self, person: str) -> str | None:
        query = sa.select(calendar_feeds).where(calendar_feeds.c.person == person)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        secret = self._secret(person, row.created_ms)
        # Another key than the one it was made with: the old address still opens, unreadable.
        return secret if hmac.compare_digest(_hash(secret), row.token_hash) else None

    async def renew_feed(self, person: str) -> str:
        gone = (
            sa.delete(calendar_feeds)
            .where(calendar_feeds.c.person == person)
            .returning(calendar_feeds.c.created_ms)
        )
        try:
            async with transaction(self._engine) as connection:
                before = (await connection.execute(gone)).scalar_one_or_none() or 0
                created = max(self._now_ms(), before + 1)
                secret = self._secret(person, created)
                await connection.execute(
                    sa.insert(calendar_feeds).values(
                        token_hash=_hash(secret), person=person, created_ms=created
                    )
                )
        except IntegrityError:
            raise LookupError(person) from None
        return secret

    async def revoke_feed(self, person: str) -> bool:
        gone = (
            sa.delete(calendar_feeds)
            .where(calendar_feeds.c.person == person)
            .returning(calendar_feeds.c.person)
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(gone)).one_or_none() is not None

    async def feed_owner(self, token: str) -> tuple[str, str] | None:
        query = (
            sa.select(people.c.id, people.c.language)
            .join(calendar_feeds, calendar_feeds.c.person == people.c.id)
            .where(
                calendar_feeds.c.token_hash == _hash(token),
                people.c.blocked.is_(False),
                people.c.erased_ms.is_(None),
            )
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (row.id, row.language)
