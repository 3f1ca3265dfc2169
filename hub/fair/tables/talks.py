"""Negotiation rooms: the talk, who belongs to it, its invitations, files and notes.

The chain of records: an appointment, a ring or an organiser's act opens a talk; a talk is one
room (``rooms.slug``); results name the room they were reached in.
"""

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
)

from hub.fair.tables.base import Json, Ms, metadata

talks: Final = Table(
    "talks",
    metadata,
    Column("room", String(64), ForeignKey("rooms.slug"), primary_key=True),
    Column("origin", String(16), nullable=False),  # appointment, ring, company, organiser, moved
    Column("origin_id", String(64), index=True),  # of that appointment, ring, batch or talk
    Column("company", String(64), ForeignKey("companies.slug", ondelete="SET NULL"), index=True),
    Column("subject", String(200), nullable=False),
    Column("agenda", String(4000), nullable=False),
    Column("starts_ms", Ms, nullable=False),
    Column("ends_ms", Ms),  # planned; none: open until ended
    Column("created_by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("ended_ms", Ms),
    Column("ended_by", String(64)),
    Column("ended_why", String(32)),  # done, time, complaint, cancelled
    Index("ix_talks_ended_ms_starts_ms", "ended_ms", "starts_ms"),
)

# A row stays when somebody was removed: ``removed_ms`` says so, and the room is unknown to them.
talk_members: Final = Table(
    "talk_members",
    metadata,
    Column("room", String(64), ForeignKey("talks.room", ondelete="CASCADE"), primary_key=True),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("side", String(64), nullable=False),  # a company's slug, or "guest"
    Column("role", String(16), nullable=False),  # host, participant
    Column("lobby", Boolean, nullable=False),  # must be let in each time
    Column("by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("removed_ms", Ms),
)

talk_invites: Final = Table(
    "talk_invites",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "room", String(64), ForeignKey("talks.room", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("side", String(64), nullable=False),
    Column("lobby", Boolean, nullable=False),
    Column("person", String(64)),  # bound to this person
    Column("company", String(64)),  # bound to the staff of this company
    Column("uses_max", Integer, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("expires_ms", Ms, nullable=False),
    Column("by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("revoked_ms", Ms),
)

# Bodies are sealed with AES-256-GCM under the vault key.
talk_files: Final = Table(
    "talk_files",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "room", String(64), ForeignKey("talks.room", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("filename", String(120), nullable=False),
    Column("content_type", String(80), nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("removed_ms", Ms),
)

talk_notes: Final = Table(
    "talk_notes",
    metadata,
    Column("room", String(64), ForeignKey("talks.room", ondelete="CASCADE"), primary_key=True),
    Column("rev", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # sealed as files are
    Column("changed_ms", Ms, nullable=False),
)

#: What was done in a talk that somebody may ask about later: ended, moved, extended, removed.
talk_log: Final = Table(
    "talk_log",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "room", String(64), ForeignKey("talks.room", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("at_ms", Ms, nullable=False),
    Column("by", String(64), nullable=False),
    Column("act", String(32), nullable=False),
    Column("detail", Json, nullable=False),
)
