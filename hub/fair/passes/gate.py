"""The gate: one conditional UPDATE lets a pass in, so no two gates ever admit the same.

And the desk beside it, where a visitor without an account is given one.
"""

from __future__ import annotations

import secrets
from datetime import datetime, time
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.passes.booking import day_of
from hub.fair.passes.identities import TRIES, SqlIdentities
from hub.fair.passes.numbers import Number
from hub.fair.passes.secrets import hash_of, read_code
from hub.fair.passes.slots import to_slot
from hub.fair.tables import entry_slots, gate_events, identities, passes, people
from hub.ports import DirectoryLost
from hub.ports.onsite import Document, GateLine, PassCounts, Result, Verdict
from rooms.model import clean_name

AGAIN_MS: Final = 3_000  # the same code at the same gate within this is one scan
DEVICE_MAX: Final = 16
LINES_MAX: Final = 100
SLOTS_SHOWN: Final = 200

_SEEN: Final = (
    sa.select(
        passes.c.id, passes.c.person, passes.c.entered_ms, passes.c.entered_gate,
        passes.c.entered_scan, passes.c.entered_by, passes.c.cancelled_ms,
        entry_slots.c.starts_ms, entry_slots.c.ends_ms, people.c.name, people.c.blocked,
        identities.c.last4,
    )
    .select_from(passes.join(entry_slots).join(people, people.c.id == passes.c.person))
    .outerjoin(identities, identities.c.person == passes.c.person)
)  # fmt: skip


def midnight_ms(now_ms: int, zone: ZoneInfo) -> int:
    """When the day of ``zone`` began."""
    start = datetime.combine(day_of(now_ms, zone), time(), zone)
    return int(start.timestamp() * 1000)


class SqlGate(SqlIdentities):
    """Gate and desk of ``hub.ports.onsite.Passes``."""

    async def admit(
        self, code: str, by: str, zone: ZoneInfo, *, gate: str | None = None,
        scan: str | None = None,
    ) -> Verdict:  # fmt: skip
        now = self._now_ms()
        good = read_code(code)
        gate = gate[:DEVICE_MAX] if gate else None
        scan = scan[:DEVICE_MAX] if scan else None
        async with transaction(self._engine) as connection:
            row = None
            let_in = False
            if good is not None:
                let_in = await self._let_in(connection, hash_of(good), now, by, gate, scan)
                row = (
                    await connection.execute(_SEEN.where(passes.c.code_hash == hash_of(good)))
                ).one_or_none()
            verdict = self._judge(row, now, zone, let_in=let_in, gate=gate, scan=scan, by=by)
            if not verdict.repeated:
                await connection.execute(
                    sa.insert(gate_events).values(
                        at_ms=now, by=by[:64], pass_id=verdict.pass_id, result=verdict.result
                    )
                )
        return verdict

    async def _let_in(
        self, connection: AsyncConnection, code_hash: str, now: int, by: str,
        gate: str | None, scan: str | None,
    ) -> bool:  # fmt: skip
        grace = self._config.onsite.grace_min * 60_000
        open_now = sa.select(entry_slots.c.id).where(
            entry_slots.c.starts_ms - grace <= now, entry_slots.c.ends_ms + grace > now
        )
        welcome = sa.select(people.c.id).where(people.c.blocked.is_(False))
        entry = (
            sa.update(passes)
            .where(
                passes.c.code_hash == code_hash,
                passes.c.entered_ms.is_(None),
                passes.c.cancelled_ms.is_(None),
                passes.c.slot.in_(open_now),
                passes.c.person.in_(welcome),
            )
            .values(entered_ms=now, entered_by=by[:64], entered_gate=gate, entered_scan=scan)
            .returning(passes.c.id)
        )
        return (await connection.execute(entry)).one_or_none() is not None

    def _judge(
        self, row: sa.Row[*tuple[Any, ...]] | None, now: int, zone: ZoneInfo, *, let_in: bool,
        gate: str | None, scan: str | None, by: str,
    ) -> Verdict:  # fmt: skip
        if row is None:
            return Verdict("unknown", now)
        same_gate = gate is not None and row.entered_gate == gate and row.entered_by == by[:64]
        repeated = False
        result: Result
        if let_in:
            result = "admitted"
        elif row.entered_ms is not None:
            same_scan = scan is not None and row.entered_scan == scan
            repeated = same_gate and (same_scan or now - row.entered_ms < AGAIN_MS)
            result = "admitted" if repeated else "second_entry"
        elif row.cancelled_ms is not None or row.blocked:
            result = "cancelled"
        else:
            result = _wrong_time(row.starts_ms, row.ends_ms, now, zone)
        return Verdict(
            result, now, row.id, row.person, row.name, row.last4 or None, row.starts_ms,
            row.ends_ms, None if let_in else row.entered_ms, repeated,
            same_gate and not let_in,
        )  # fmt: skip

    async def lines(self, limit: int = 10) -> tuple[GateLine, ...]:
        query = (
            sa.select(gate_events.c.at_ms, gate_events.c.result, people.c.name)
            .select_from(
                gate_events.outerjoin(passes, passes.c.id == gate_events.c.pass_id).outerjoin(
                    people, people.c.id == passes.c.person
                )
            )
            .order_by(gate_events.c.id.desc())
            .limit(max(1, min(limit, LINES_MAX)))
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(GateLine(row.at_ms, cast(Result, row.result), row.name) for row in rows)

    async def entered_since(self, since_ms: int) -> int:
        query = (
            sa.select(sa.func.count()).select_from(passes).where(passes.c.entered_ms >= since_ms)
        )
        async with transaction(self._engine) as connection:
            return int(await connection.scalar(query) or 0)

    async def counts(self, zone: ZoneInfo) -> PassCounts:
        today = midnight_ms(self._now_ms(), zone)
        ever = passes.c.entered_ms.is_not(None)
        query = sa.select(
            sa.func.count().filter(passes.c.cancelled_ms.is_(None)).label("good"),
            sa.func.count().filter(passes.c.entered_ms >= today).label("today"),
            sa.func.count(sa.distinct(passes.c.person)).filter(ever).label("people"),
        )
        coming = (
            sa.select(entry_slots)
            .where(entry_slots.c.ends_ms > today)
            .order_by(entry_slots.c.starts_ms, entry_slots.c.id)
            .limit(SLOTS_SHOWN)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one()
            slots = (await connection.execute(coming)).all()
        return PassCounts(row.good, row.today, row.people, tuple(to_slot(slot) for slot in slots))

    async def register_at_desk(
        self, name: str, country: str, language: str, privacy_version: int, document: Document
    ) -> tuple[str, bool]:
        name = clean_name(name)
        number = self._read(document)
        for _ in range(TRIES):
            async with transaction(self._engine) as connection:
                owner = await self._owner(connection, number)
            if owner is not None:
                return owner, False
            try:
                made = await self._make(name, country, language, privacy_version, number)
            except IntegrityError:
                continue  # another desk typed the same number: the look above finds it
            return made, True
        raise DirectoryLost("desk")

    async def _make(
        self, name: str, country: str, language: str, privacy_version: int, number: Number
    ) -> str:
        person = f"u_{secrets.token_hex(8)}"
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.insert(people).values(
                    id=person, name=name, country=country, sectors=[], languages=[language],
                    language=language, role="participant", gate=False, listed=False, shows=[],
                    privacy_version=privacy_version, consent_ms=now, totp_on=False, totp_step=0,
                    source="onsite", blocked=False, created_ms=now, changed_ms=now, version=1,
                )
            )  # fmt: skip
            await self._keep(connection, person, number)
        return person


def _wrong_time(starts_ms: int, ends_ms: int, now: int, zone: ZoneInfo) -> Result:
    today = day_of(now, zone)
    if not day_of(starts_ms, zone) <= today <= day_of(ends_ms - 1, zone):
        return "wrong_day"
    return "too_early" if now < starts_ms else "too_late"
