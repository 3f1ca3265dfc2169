"""Rings at a company's booth: each call, who was rung, and how it ended."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, String, Table

from hub.fair.tables.base import Ms, metadata

rings: Final = Table(
    "rings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("company", String(64), ForeignKey("companies.slug", ondelete="CASCADE"), nullable=False),
    Column("visitor", String(64), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    # The visitor while it rings, else none: a person rings one booth at a time.
    Column("ringing", String(64), unique=True),
    Column("subject", String(200), nullable=False),
    Column("state", String(16), nullable=False),  # ringing, answered, refused, missed, cancelled
    Column("why", String(16)),  # declined, no_answer, busy, hung_up, dropped, nobody
    Column("created_ms", Ms, nullable=False),
    Column("expires_ms", Ms, nullable=False),
    Column("answered_by", String(64), ForeignKey("people.id", ondelete="SET NULL")),
    Column("ended_ms", Ms),
    Column("room", String(64), index=True),
    Column("seen_ms", Ms),  # when the company looked at a missed one
    Index("ix_rings_company_created_ms", "company", "created_ms"),
    Index("ix_rings_visitor_created_ms", "visitor", "created_ms"),
    Index("ix_rings_state_expires_ms", "state", "expires_ms"),
)

ring_staff: Final = Table(
    "ring_staff",
    metadata,
    Column("ring", String(32), ForeignKey("rings.id", ondelete="CASCADE"), primary_key=True),
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    # The person while their pages ring, else none: a second ring finds them busy.
    Column("ringing", String(64), unique=True),
    Column("state", String(16), nullable=False),  # rung, declined, took
    Column("changed_ms", Ms, nullable=False),
)
