"""What happened: the audit log, attendance, figures over time, webhooks."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from hub.fair.tables.base import Json, Ms, Serial, metadata

# Append only; ``hash`` covers the row and the hash before it.
audit_log: Final = Table(
    "audit_log",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("at_ms", Ms, nullable=False),
    Column("actor", String(64), nullable=False, index=True),
    Column("actor_name", String(64), nullable=False),
    Column("act", String(64), nullable=False, index=True),
    Column("target", String(160), nullable=False, index=True),
    Column("detail", Json, nullable=False),
    Column("address", String(64)),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

# One stay of one person in one room. ``left_ms`` is null while they are inside: one such row
# a room and person. ``gen``: the newest generation of the seat that was heard of.
attendance: Final = Table(
    "attendance",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("room", String(64), nullable=False),
    Column("person", String(64), nullable=False, index=True),
    Column("gen", Ms, nullable=False),
    Column("name", String(64), nullable=False),
    Column("company", String(120)),
    Column("role", String(16), nullable=False),
    Column("entered_ms", Ms, nullable=False),
    Column("left_ms", Ms),
    Index(
        "uq_attendance_inside",
        "room",
        "person",
        unique=True,
        sqlite_where=text("left_ms IS NULL"),
        postgresql_where=text("left_ms IS NULL"),
    ),
    Index("ix_attendance_room_entered_ms", "room", "entered_ms"),
)

# One row a minute, written by one hub.
figures: Final = Table(
    "figures",
    metadata,
    Column("at_ms", Ms, primary_key=True, autoincrement=False),
    Column("registered", Integer, nullable=False),
    Column("online", Integer, nullable=False),
    Column("on_site", Integer, nullable=False),
    Column("rooms_open", Integer, nullable=False),
    Column("seats_taken", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
)

webhook_endpoints: Final = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("url", String(500), nullable=False),
    Column("kinds", Json, nullable=False),
    Column("secret_cipher", LargeBinary, nullable=False),
    Column("previous_cipher", LargeBinary),
    Column("previous_until_ms", Ms),
    Column("active", Boolean, nullable=False),
    Column("why_inactive", String(200)),
    Column("failing_since_ms", Ms),
    Column("created_ms", Ms, nullable=False),
)

webhook_messages: Final = Table(
    "webhook_messages",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("room", String(64)),  # messages of one room are delivered in order
    Column("body", Text, nullable=False),
    Column("created_ms", Ms, nullable=False, index=True),
)

webhook_deliveries: Final = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column(
        "endpoint",
        String(32),
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column(
        "message",
        Serial,
        ForeignKey("webhook_messages.seq", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("room", String(64)),
    Column("state", String(16), nullable=False),  # due, sent, failed
    Column("attempts", Integer, nullable=False),
    Column("due_ms", Ms, nullable=False),
    Column("taken_until_ms", Ms),  # a hub is sending it
    Column("status", Integer),  # of the last answer
    Column("answer", String(500)),
    Column("took_ms", Integer),
    Column("done_ms", Ms),
    Index("ix_webhook_deliveries_state_due_ms", "state", "due_ms"),
    Index("ix_webhook_deliveries_endpoint_id", "endpoint", "id"),
    # What goes before in the same room.
    Index("ix_webhook_deliveries_order", "endpoint", "room", "state", "message"),
)
