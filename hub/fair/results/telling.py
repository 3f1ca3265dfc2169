"""Who is told what becomes of a result: mails to its parties, in the transaction that gives the
reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.config import Config
from hub.fair.mails import write_mail
from hub.fair.results.standing import may_confirm
from hub.fair.tables import company_staff, people, result_parties, results
from hub.ports.fair import pick
from hub.ports.results import Result

PEOPLE_MAX: Final = 20  # of one party
AGAIN_MS: Final = 10 * 60_000  # who was asked so recently is not written to for each change


async def _people(
    connection: AsyncConnection, one: Result, positions: Collection[int]
) -> dict[str, tuple[str, str]]:
    """(address, language) of those who may confirm for the parties, by person."""
    found: dict[str, tuple[str, str]] = {}
    p, r = result_parties.c, results.c
    for position in positions:
        party = one.parties[position]
        who = (
            sa.select(people.c.id, people.c.email, people.c.language)
            .select_from(
                people.join(result_parties, p.result == one.id).join(results, r.id == p.result)
            )
            .where(
                p.position == position,
                may_confirm(people.c.id),
                people.c.email.is_not(None),
                people.c.erased_ms.is_(None),
                people.c.blocked.is_(False),
            )
            .order_by(people.c.id)
            .limit(PEOPLE_MAX)
        )
        if party.company is not None:
            staff = sa.select(company_staff.c.person).where(
                company_staff.c.company == party.company
            )
            who = who.where(people.c.id.in_(staff))
        else:
            who = who.where(people.c.id == party.person)
        for row in await connection.execute(who):
            found[row.id] = (row.email, row.language)
    return found


async def tell(
    connection: AsyncConnection, config: Config, now_ms: int, one: Result, kind: str,
    positions: Collection[int] | None = None, notes: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Write ``kind`` to the people of the parties at ``positions``, of all when None."""
    asked = range(len(one.parties)) if positions is None else positions
    parties = ", ".join(party.name for party in one.parties)
    for person, (address, language) in (await _people(connection, one, asked)).items():
        values = {
            "fair": config.fair.name,
            "url": config.public_url,
            "title": pick(one.titles, language)[0],
            "parties": parties,
            "note": pick(notes or {}, language)[0],
            "link": f"{config.public_url}/results/{one.id}",
        }
        await write_mail(connection, now_ms, address, kind, language, values, person)


async def ask(connection: AsyncConnection, config: Config, now_ms: int, one: Result) -> None:
    """Ask every party's people to confirm; a party that was asked within AGAIN_MS and has not
    confirmed since knows already."""
    p = result_parties.c
    rows = await connection.execute(
        sa.select(p.position, p.asked_ms, p.confirmed_ms).where(p.result == one.id)
    )
    due = [
        row.position
        for row in rows
        if row.asked_ms is None
        or row.asked_ms <= now_ms - AGAIN_MS
        or (row.confirmed_ms is not None and row.confirmed_ms >= row.asked_ms)
    ]
    if due:
        await connection.execute(
            sa.update(result_parties)
            .where(p.result == one.id, p.position.in_(due))
            .values(asked_ms=now_ms)
        )
        await tell(connection, config, now_ms, one, "result_confirm", due)
