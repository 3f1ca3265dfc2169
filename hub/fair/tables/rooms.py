"""Rooms as configured."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, false

from hub.fair.tables.base import Json, metadata

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
    Column("lobby", Boolean, nullable=False, server_default=false()),
    Column("sides", Json, nullable=False, server_default="{}"),  # seats by side
    Column("relay_only", Boolean, nullable=False, server_default=false()),
    Column("version", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
