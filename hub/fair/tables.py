"""The tables as the queries see them; migrations/ is how a database gets there.

A test holds the two together. Times are integers, milliseconds since the Unix epoch.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table

metadata: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(column_0_label)s"}
)

rooms: Final = Table(
    "rooms",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("kind", String(16), nullable=False, index=True),
    Column("mode", String(16)),
    Column("capacity", Integer, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("stage_capacity", Integer, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("lock_message", String(500)),
    Column("guests", Boolean, nullable=False),
    Column("waitlist", Boolean, nullable=False),
    Column("chat", String(8), nullable=False),
    Column("slow_mode_s", Integer, nullable=False),
    Column("opens_at", BigInteger),
    Column("closes_at", BigInteger),
    Column("closed", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# The cookie's value is never stored, only its SHA-256: a copy of the database opens no session.
web_sessions: Final = Table(
    "web_sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("company", String(120)),
    Column("csrf", String(64), nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

signin_links: Final = Table(
    "signin_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)
