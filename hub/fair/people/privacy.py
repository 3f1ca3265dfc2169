"""What people decide about themselves: their profile, a copy of their data, and to be gone.

An export walks every table that names the person, so that a table added later is in it
without anybody's remembering; secrets, hashes, ciphers and identity numbers are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from hub.fair import search
from hub.fair.appointments import privacy as appointments
from hub.fair.engine import transaction
from hub.fair.passes import release
from hub.fair.people.accounts import sign_out_all
from hub.fair.people.devices import Devices
from hub.fair.people.records import COLUMNS, findable, record
from hub.fair.results import privacy as results
from hub.fair.rings import privacy as rings
from hub.fair.tables import attendance, mails, metadata, people, speakers, web_sessions
from hub.fair.talks import privacy as talks
from hub.ports import StaleVersion
from hub.ports.people import PersonRecord
from rooms.model import Role

#: What a person may change of themselves.
PROFILE: Final = frozenset(
    {"name", "country", "organisation", "position", "sectors", "languages", "language",
     "time_zone", "listed", "shows"}
)  # fmt: skip
ERASED_NAME: Final = "–"
_SECRET_TABLES: Final = frozenset({"email_tokens", "recovery_codes", "identities"})
_SECRET_COLUMNS: Final = frozenset({"csrf", "email_key", "totp_step", "external_key"})
#: Rows that stay, without what says who it was: counts of visits and entries must not change.
_KEPT: Final = frozenset(
    {"attendance", "audit_log", "passes", "result_parties", "speakers", "visits"}
)
_EXPORT_MAX: Final = 10_000  # rows of one table


def _of_person() -> list[tuple[sa.Table, sa.Column[Any]]]:
    """Every table beside ``people`` that names a person, and the column that does."""
    return [(table, table.c.person) for table in metadata.sorted_tables if "person" in table.c]


def _shown(row: Any, table: sa.Table) -> dict[str, Any]:
    return {
        column.name: row[column.name]
        for column in table.columns
        if not isinstance(column.type, sa.LargeBinary)
        and not column.name.endswith("_hash")
        and column.name not in _SECRET_COLUMNS
    }


class Privacy(Devices):
    """The profile's half of ``hub.ports.people.People``."""

    async def change(
        self, person: str, changes: Mapping[str, Any], version: int | None = None
    ) -> PersonRecord:
        if not changes.keys() <= PROFILE:
            raise ValueError(f"not of the profile: {sorted(changes.keys() - PROFILE)}")
        values = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in changes.items()
        }
        change = (
            sa.update(people)
            .where(people.c.id == person, people.c.erased_ms.is_(None))
            .values(**values, changed_ms=self._now_ms(), version=people.c.version + 1)
            .returning(*COLUMNS)
        )
        if version is not None:
            change = change.where(people.c.version == version)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(change)).one_or_none()
            if row is not None:
                changed = record(row)
                await findable(connection, changed)
                return changed
            found = await connection.execute(
                sa.select(people.c.id).where(people.c.id == person, people.c.erased_ms.is_(None))
            )
            if found.one_or_none() is None:
                raise LookupError(person)
        raise StaleVersion(person)

    async def export(self, person: str) -> dict[str, Any] | None:
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(people).where(people.c.id == person, people.c.erased_ms.is_(None))
                )
            ).one_or_none()
            if row is None:
                return None
            found: dict[str, Any] = {"person": _shown(row._mapping, people)}
            for table, column in _of_person():
                if table.name in _SECRET_TABLES:
                    continue
                rows = await connection.execute(
                    sa.select(table).where(column == person).limit(_EXPORT_MAX)
                )
                listed = [_shown(row._mapping, table) for row in rows]
                if table is mails:  # their texts carry links that may still be good
                    listed = [
                        {name: value for name, value in mail.items() if name != "text"}
                        for mail in listed
                    ]
                found[table.name] = listed
            found |= await talks.told(connection, person)
            found |= await appointments.told(connection, person)
            found |= await results.told(connection, person)
            found |= await rings.told(connection, person)
        return found

    async def erase(self, person: str) -> bool:
        """Country and times stay for the counts, the audit log stays by law; the rest goes."""
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            gone = await connection.execute(
                sa.update(people)
                .where(people.c.id == person, people.c.erased_ms.is_(None))
                .values(
                    email=None, email_key=None, verified_ms=None, name=ERASED_NAME,
                    organisation=None, position=None, sectors=[], languages=[], time_zone=None,
                    role=Role.PARTICIPANT.value, gate=False, listed=False, shows=[],
                    password_hash=None, totp_cipher=None, totp_on=False, external_key=None,
                    erased_ms=now, changed_ms=now, version=people.c.version + 1,
                )
                .returning(people.c.id)
            )  # fmt: skip
            if gone.one_or_none() is None:
                return False
            await sign_out_all(connection, person, now)
            await connection.execute(
                sa.update(attendance)
                .where(attendance.c.person == person)
                .values(name=ERASED_NAME, company=None)
            )
            await connection.execute(
                sa.update(speakers).where(speakers.c.person == person).values(person=None)
            )
            for table, column in _of_person():
                if table.name not in _KEPT and table is not web_sessions:
                    await connection.execute(sa.delete(table).where(column == person))
            await release(connection, person, now)  # its place at the gate is free again
            await appointments.forget(self, connection, person)
            await talks.forget(connection, person, now)
            await results.forget(connection, person)
            await rings.forget(connection, person)
            await search.unindex(connection, "person", [person])
        return True
