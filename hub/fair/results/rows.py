"""Results between rows and records, and the content that parties confirm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import result_parties, results
from hub.ports.results import Attachment, Money, Party, PartyDraft, Result, ResultDraft
from rooms.results import State

COLUMNS: Final = tuple(results.c)


def content(
    draft: ResultDraft, parties: Sequence[PartyDraft], attachment: Attachment | None
) -> dict[str, Any]:
    """All that a party confirms, as plain JSON."""
    money = draft.money
    return {
        "kind": draft.kind,
        "sector": draft.sector,
        "parties": [
            {"name": one.name, "country": one.country, "company": one.company} for one in parties
        ],
        "titles": dict(draft.titles),
        "texts": dict(draft.texts),
        "amount": None
        if money is None
        else {"amount": money.amount, "currency": money.currency, "decimals": money.decimals},
        "signed_on": draft.signed_on,
        "attachment": None
        if attachment is None
        else {
            "filename": attachment.filename,
            "content_type": attachment.content_type,
            "size": attachment.size,
            "sha256": attachment.sha256,
        },
    }


def content_of(one: Result) -> dict[str, Any]:
    """The content of a result as it is."""
    parties = [PartyDraft(party.name, party.country, party.company) for party in one.parties]
    draft = ResultDraft(
        one.kind, one.sector, tuple(parties), one.titles, one.texts, one.signed_on, one.money
    )
    return content(draft, parties, one.attachment)


def columns(draft: ResultDraft) -> dict[str, Any]:
    """The columns a draft fills; its parties have a table of their own."""
    money = draft.money
    return {
        "kind": draft.kind,
        "sector": draft.sector,
        "titles": dict(draft.titles),
        "texts": dict(draft.texts),
        "amount": None if money is None else money.amount,
        "currency": None if money is None else money.currency,
        "decimals": None if money is None else money.decimals,
        "signed_on": draft.signed_on,
    }


def file_columns(attachment: Attachment | None) -> dict[str, Any]:
    return {
        "filename": attachment and attachment.filename,
        "content_type": attachment and attachment.content_type,
        "size": attachment and attachment.size,
        "sha256": attachment and attachment.sha256,
    }


def party_of(row: sa.RowMapping) -> Party:
    return Party(
        position=row["position"],
        name=row["name"],
        country=row["country"],
        company=row["company"],
        person=row["person"],
        confirmed_version=row["confirmed_version"],
        confirmed_by=row["confirmed_by"],
        confirmed_ms=row["confirmed_ms"],
        on_paper=row["organiser"],
        paper_note=row["paper_note"],
        asked_ms=row["asked_ms"],
    )


def record(row: sa.RowMapping, parties: Iterable[Party]) -> Result:
    money = None
    if row["amount"] is not None:
        money = Money(row["amount"], row["currency"], row["decimals"])
    attachment = None
    if row["sha256"] is not None:
        attachment = Attachment(row["filename"], row["content_type"], row["size"], row["sha256"])
    return Result(
        id=row["id"],
        room=row["room"],
        kind=row["kind"],
        sector=row["sector"],
        titles=row["titles"],
        texts=row["texts"],
        money=money,
        signed_on=row["signed_on"],
        attachment=attachment,
        parties=tuple(parties),
        state=State(row["state"]),
        version=row["version"],
        digest=row["digest"],
        release_ms=row["release_ms"],
        released_ms=row["released_ms"],
        released_on=row["released_on"],
        withdrawn_ms=row["withdrawn_ms"],
        withdrawn_notes=row["withdrawn_notes"] or {},
        by=row["by"],
        created_ms=row["created_ms"],
        changed_ms=row["changed_ms"],
    )


async def parties_of(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[Party]]:
    """The parties of each result, in order."""
    found: dict[str, list[Party]] = {id: [] for id in ids}
    query = (
        sa.select(result_parties)
        .where(result_parties.c.result.in_(list(ids)))
        .order_by(result_parties.c.result, result_parties.c.position)
    )
    for row in (await connection.execute(query)).mappings():
        found[row["result"]].append(party_of(row))
    return found


async def records(connection: AsyncConnection, query: sa.Select[Any]) -> list[Result]:
    """What a query of COLUMNS finds, in its order, with the parties."""
    rows = (await connection.execute(query)).mappings().all()
    if not rows:
        return []
    parties = await parties_of(connection, [row["id"] for row in rows])
    return [record(row, parties[row["id"]]) for row in rows]


async def one(connection: AsyncConnection, id: str) -> Result | None:
    found = await records(connection, sa.select(*COLUMNS).where(results.c.id == id))
    return found[0] if found else None
