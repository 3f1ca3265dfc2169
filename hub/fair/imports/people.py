"""A batch of people into the database: found by external key, else by e-mail address.

They get no password: they come in by the link that resets one. Nobody has consented to the
privacy text by being in a sheet, so ``privacy_version`` is 0 until they do themselves.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.imports.indexing import index_people
from hub.fair.imports.plan import Context, Fault, Outcome, Record, fault
from hub.fair.tables import people

#: What a sheet may change of somebody who is there already.
_CHANGES: Final = ("external_key", "email", "email_key", "name", "country", "organisation",
                   "position", "sectors", "languages", "language", "time_zone")  # fmt: skip
_FOUND: Final = [people.c[name] for name in (*_CHANGES, "id", "erased_ms", "verified_ms")]


async def apply_people(
    connection: AsyncConnection,
    records: Sequence[Record],
    context: Context,
    now_ms: int,
    *,
    write: bool,
    source: str = "import",
) -> Outcome:
    """Insert who is new, change who differs; refuses addresses that belong to others.

    The connection's transaction must already hold SQLite's write lock.
    """
    by_key, by_email = await _there_already(connection, records)
    refused: dict[int, list[Fault]] = {}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    unchanged = 0
    for index, record in enumerate(records):
        given = _as_columns(record)
        found = by_key.get(given.get("external_key", ""))
        same_email = by_email.get(given.get("email_key", ""))
        faults = _conflicts(given, found, same_email)
        if faults:
            refused[index] = faults
            continue
        found = found or same_email
        if found is None:
            new.append(_newcomer(given, context, now_ms, source))
            continue
        before = found._mapping
        after = {name: given.get(name, before[name]) for name in _CHANGES}
        if all(after[name] == before[name] for name in _CHANGES):
            unchanged += 1
            continue
        # An address nobody has proved yet is not the one that was proved before.
        kept = before["verified_ms"] if after["email_key"] == before["email_key"] else None
        changed.append({"id": before["id"], "verified_ms": kept, **after})
    if write:
        await _write(connection, new, changed, now_ms)
    return Outcome(len(new), len(changed), unchanged, refused)


async def _there_already(
    connection: AsyncConnection, records: Sequence[Record]
) -> tuple[dict[str, Row[Any]], dict[str, Row[Any]]]:
    emails = [record["email"][1] for record in records if "email" in record]
    keys = [record["external_key"] for record in records if "external_key" in record]
    wanted = select(*_FOUND).where(
        or_(people.c.email_key.in_(emails), people.c.external_key.in_(keys))
    )
    rows = (await connection.execute(wanted.with_for_update())).all()
    return (
        {row.external_key: row for row in rows if row.external_key is not None},
        {row.email_key: row for row in rows if row.email_key is not None},
    )


def _as_columns(record: Record) -> dict[str, Any]:
    given = dict(record)
    if "email" in given:
        given["email"], given["email_key"] = given["email"]
    return given


def _conflicts(
    given: dict[str, Any], found: Row[Any] | None, same_email: Row[Any] | None
) -> list[Fault]:
    if found is not None and found.erased_ms is not None:
        return [fault("external_key", "erased", given["external_key"])]
    if same_email is None or (found is not None and found.id == same_email.id):
        return []
    if found is not None:
        return [fault("email", "taken", given["email"])]
    key = given.get("external_key")
    if key is not None and same_email.external_key not in {None, key}:
        return [fault("email", "taken", given["email"])]
    return []


def _newcomer(given: dict[str, Any], context: Context, now_ms: int, source: str) -> dict[str, Any]:
    return {
        "id": f"u_{secrets.token_hex(8)}",
        "email": None, "email_key": None, "verified_ms": None,
        "organisation": None, "position": None, "sectors": [], "languages": [],
        "language": context.language, "time_zone": None, "role": "participant", "gate": False,
        "listed": False, "shows": [], "privacy_version": 0, "consent_ms": 0,
        "password_hash": None, "totp_cipher": None, "totp_on": False, "totp_step": 0,
        "source": source, "external_key": None, "blocked": False, "created_ms": now_ms,
        "changed_ms": now_ms, "erased_ms": None, "version": 1,
        **given,
    }  # fmt: skip


async def _write(
    connection: AsyncConnection,
    new: list[dict[str, Any]],
    changed: list[dict[str, Any]],
    now_ms: int,
) -> None:
    if new:
        await connection.execute(insert(people), new)
    if changed:
        names = (*_CHANGES, "verified_ms")
        values = {name: bindparam(f"new_{name}", type_=people.c[name].type) for name in names}
        statement = (
            update(people)
            .where(people.c.id == bindparam("of_id"))
            .values(**values, changed_ms=now_ms, version=people.c.version + 1)
        )
        await connection.execute(
            statement,
            [
                {"of_id": row["id"], **{f"new_{name}": row[name] for name in names}}
                for row in changed
            ],
        )
    await index_people(connection, new, changed)
