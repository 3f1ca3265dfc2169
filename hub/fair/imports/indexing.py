"""What imported things are found by, as when they are written one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.companies.rows import sort_key
from hub.fair.search import Entry, index

Rows = Sequence[dict[str, Any]]


def company_sort_key(name: str) -> str:
    """Directories are in this order."""
    return sort_key(name)


async def index_people(connection: AsyncConnection, new: Rows, changed: Rows) -> None:
    """As ``hub.fair.people.records.findable`` does one."""
    entries = [
        Entry(row["id"], [row["name"]], [row["email"] or "", row["organisation"] or ""])
        for row in (*new, *changed)
    ]
    await index(connection, "person", entries)


async def index_companies(connection: AsyncConnection, rows: Rows) -> None:
    """As ``hub.fair.companies.rows.entry_of`` says of one."""
    entries = [
        Entry(
            row["slug"],
            [row["name"], *row["names"].values()],
            [*row["summary"].values(), *row["about"].values(), row["booth"] or ""],
        )
        for row in rows
    ]
    await index(connection, "company", entries)
