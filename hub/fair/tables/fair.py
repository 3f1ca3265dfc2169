"""The fair itself: its settings, privacy texts, announcements, imports."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from hub.fair.tables.base import Json, Ms, Serial, metadata

# One row (id 1): name, dates, zone, languages, contact; what is missing comes from config.toml.
fair_settings: Final = Table(
    "fair_settings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("data", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_ms", Ms, nullable=False),
)

sectors: Final = Table(
    "sectors",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("names", Json, nullable=False),  # by language
    Column("position", Integer, nullable=False),
)

privacy_texts: Final = Table(
    "privacy_texts",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("texts", Json, nullable=False),  # by language
    Column("published_ms", Ms, nullable=False),
)

announcements: Final = Table(
    "announcements",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("texts", Json, nullable=False),  # by language
    Column(
        "audience", Json, nullable=False
    ),  # {} is everybody; else roles, sectors, countries, rooms
    Column("by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False, index=True),
    Column("until_ms", Ms, nullable=False),
    Column("withdrawn_ms", Ms),
)

# An import is a job: any hub may go on with it after ``lease_until_ms``.
imports: Final = Table(
    "imports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # people, companies, conferences, rooms
    Column("filename", String(160), nullable=False),
    Column("by", String(64), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, running, done, failed, cancelled
    Column("why", String(300)),
    Column("source", LargeBinary),  # dropped when the job is done; a dry run keeps it a day
    Column("digest", String(64), nullable=False, index=True),  # SHA-256 of the source
    Column("header", Json, nullable=False),  # of the sheet, [] before it was read
    Column("unknown", Json, nullable=False),  # columns that were left out
    Column("rows_total", Integer, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("created", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("lease_until_ms", Ms),
    Column("created_ms", Ms, nullable=False, index=True),
    Column("finished_ms", Ms),
)

import_errors: Final = Table(
    "import_errors",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column(
        "job", String(32), ForeignKey("imports.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("row", Integer, nullable=False),
    Column("faults", Json, nullable=False),  # [{"column", "code", "value"}]
    Column("cells", Text, nullable=False),  # the row as sent, JSON, to be mended
)
