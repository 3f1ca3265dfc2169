"""What searches look through: one table for each kind of thing, terms cut beforehand.

On PostgreSQL the term columns are ``tsvector`` with a GIN index each; on SQLite they are
words with spaces between, the content of an FTS5 table that triggers keep in step. Those
indexes, FTS5 tables and triggers are made by migrations 0003 and 0008 alone (``gin_*``, ``fts_*``).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, String, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from hub.fair.tables.base import metadata

_Terms: Final = Text().with_variant(TSVECTOR(), "postgresql")


def _table(kind: str) -> Table:
    return Table(
        f"search_{kind}",
        metadata,
        Column("no", Integer, primary_key=True),  # stays with ``id``
        Column("id", String(64), nullable=False, unique=True),
        Column("name_terms", _Terms, nullable=False),
        Column("terms", _Terms, nullable=False),  # of names and texts
        Column("grams", _Terms, nullable=False),  # pieces of the names, for misspelt ones
    )


SEARCHES: Final[dict[str, Table]] = {
    kind: _table(kind) for kind in ("company", "person", "conference", "result")
}
