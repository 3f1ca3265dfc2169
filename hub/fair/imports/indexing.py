"""What imported things are found by: entries of the search, ready for ``hub.fair.search``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.search import Entry, fold, index

Rows = Sequence[dict[str, Any]]


def company_sort_key(name: str) -> str:
    """Directories are in this order."""
    return fold(name)[:120]


async def index_people(connection: AsyncConnection, new: Rows, changed: Rows) -> None:
    await index(
        connection,
        "person",
        [
            Entry(row["id"], [row["name"]], [row["organisation"] or "", row["position"] or ""])
            for row in (*new, *changed)
        ],
    )


async def index_companies(connection: AsyncConnection, rows: Rows) -> None:
    await index(
        connection,
        "company",
        [
            Entry(
                row["slug"],
                [row["name"], *row["names"].values()],
                [*row["summary"].values(), *row["about"].values()],
            )
            for row in rows
        ],
    )
