"""What talks keep of a person beside their membership, for a copy of their data and its end."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import talk_files, talk_invites, talks

_LISTED: Final = 10_000


async def told(connection: AsyncConnection, person: str) -> dict[str, list[dict[str, Any]]]:
    """Talks they opened, files they put in, invitations they gave: by name, without content.
    Talks they belong to and invitations to them are in the tables that name them."""
    f, i, t = talk_files.c, talk_invites.c, talks.c
    asked = {
        "talks_opened": sa.select(t.room, t.subject, t.agenda, t.starts_ms, t.ends_ms).where(
            t.created_by == person
        ),
        "talk_files": sa.select(
            f.id, f.room, f.filename, f.content_type, f.size, f.created_ms
        ).where(f.by == person, f.removed_ms.is_(None)),
        "talk_invitations_given": sa.select(i.room, i.side, i.uses_max, i.uses, i.created_ms).where(
            i.by == person
        ),
    }
    return {
        name: [dict(row._mapping) for row in await connection.execute(query.limit(_LISTED))]
        for name, query in asked.items()
    }


async def forget(connection: AsyncConnection, person: str, now_ms: int) -> None:
    """Take away the files they put in, and invitations of theirs that could still be used.
    The notes were written together, and stay with the others until the talk's are gone."""
    f, i = talk_files.c, talk_invites.c
    await connection.execute(
        sa.update(talk_files)
        .where(f.by == person)
        .values(body=b"", filename="", removed_ms=sa.func.coalesce(f.removed_ms, now_ms))
    )
    await connection.execute(
        sa.update(talk_invites)
        .where(i.by == person, i.revoked_ms.is_(None))
        .values(revoked_ms=now_ms)
    )
