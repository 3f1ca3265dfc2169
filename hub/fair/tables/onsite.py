"""Entry slots, passes, identity numbers, and what happened at the gate."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from hub.fair.tables.base import Ms, Serial, metadata

# ``taken`` changes only in the statement that also checks it: no slot is ever overbooked.
entry_slots: Final = Table(
    "entry_slots",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("starts_ms", Ms, nullable=False, index=True),
    Column("ends_ms", Ms, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("created_ms", Ms, nullable=False),
    CheckConstraint("taken >= 0", name="taken_not_negative"),
)

# The number itself: an HMAC to match, a cipher to show to those who may, four digits for people.
identities: Final = Table(
    "identities",
    metadata,
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), nullable=False),  # resident_id, passport, permit
    Column("country", String(2), nullable=False),
    Column("match", String(64), unique=True),  # HMAC-SHA-256, hex; null once erased
    Column("cipher", LargeBinary),  # nonce + AES-256-GCM; null once erased
    Column("key_id", String(16), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("consent_ms", Ms, nullable=False),  # a consent of its own, apart from the account's
    Column("created_ms", Ms, nullable=False, index=True),
)

passes: Final = Table(
    "passes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("slot", String(32), ForeignKey("entry_slots.id"), nullable=False, index=True),
    Column("holder", String(64), unique=True),  # the person while the pass is good, else null
    Column("code_hash", String(64), nullable=False, unique=True),
    Column("created_ms", Ms, nullable=False),
    Column("entered_ms", Ms, index=True),
    Column("entered_by", String(64)),
    Column("entered_gate", String(16)),  # the device, so that its second look is one entry
    Column("entered_scan", String(16)),  # one reading of the code, sent again after a lost answer
    Column("cancelled_ms", Ms),
)

gate_events: Final = Table(
    "gate_events",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at_ms", Ms, nullable=False),
    Column("by", String(64), nullable=False),
    Column("pass_id", String(32)),
    Column("result", String(24), nullable=False),
    Index("ix_gate_events_at_ms", "at_ms"),
)
