"""Rows to conferences: one query for a page of them, one for all their speakers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import companies, conferences, rooms, speakers
from hub.ports.programme import Conference, Draft, Speaker

#: Conferences with their room's title and their company's name.
SELECT: Final = sa.select(
    conferences, rooms.c.title.label("room_title"), companies.c.name.label("company_name")
).select_from(
    conferences.join(rooms, rooms.c.slug == conferences.c.room).outerjoin(
        companies, companies.c.slug == conferences.c.company
    )
)


def values_of(draft: Draft) -> dict[str, Any]:
    """The columns of ``conferences`` that a draft decides."""
    return {
        "slug": draft.slug,
        "room": draft.room,
        "title": draft.title,
        "titles": dict(draft.titles),
        "about": dict(draft.about),
        "sector": draft.sector,
        "languages": list(draft.languages),
        "company": draft.company,
        "starts_ms": draft.starts_ms,
        "ends_ms": draft.ends_ms,
        "cancelled": draft.cancelled,
        "external_key": draft.external_key,
    }


async def with_speakers(
    connection: AsyncConnection, rows: Sequence[sa.Row[Any]]
) -> tuple[Conference, ...]:
    """Rows of ``SELECT`` as conferences, in their order."""
    by_slug: dict[str, list[Speaker]] = {row.slug: [] for row in rows}
    if rows:
        found = await connection.execute(
            sa.select(speakers)
            .where(speakers.c.conference.in_(by_slug))
            .order_by(speakers.c.conference, speakers.c.ordinal)
        )
        for one in found:
            by_slug[one.conference].append(
                Speaker(one.name, one.role, one.person, one.organisation, one.position)
            )
    return tuple(_conference(row, by_slug[row.slug]) for row in rows)


def _conference(row: sa.Row[Any], people: Sequence[Speaker]) -> Conference:
    draft = Draft(
        slug=row.slug,
        room=row.room,
        title=row.title,
        sector=row.sector,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        titles=row.titles,
        about=row.about,
        languages=tuple(row.languages),
        company=row.company,
        speakers=tuple(people),
        cancelled=row.cancelled,
        external_key=row.external_key,
    )
    return Conference(
        draft, row.version, row.created_ms, row.changed_ms, row.room_title, row.company_name
    )
