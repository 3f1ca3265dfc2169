"""Conferences, who speaks, who wants to come."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from hub.fair.tables.base import Json, Ms, metadata

conferences: Final = Table(
    "conferences",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.slug"), nullable=False),
    Column("title", String(200), nullable=False),
    Column("titles", Json, nullable=False),  # by language, besides ``title``
    Column("about", Json, nullable=False),  # by language, plain text
    Column("sector", String(64), nullable=False),
    Column("languages", Json, nullable=False),  # spoken
    Column("company", String(64), ForeignKey("companies.slug", ondelete="SET NULL"), index=True),
    Column("starts_ms", Ms, nullable=False),
    Column("ends_ms", Ms, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("external_key", String(120), unique=True),
    Column("created_ms", Ms, nullable=False),
    Column("changed_ms", Ms, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_conferences_starts_ms_slug", "starts_ms", "slug"),
    Index("ix_conferences_room_starts_ms", "room", "starts_ms"),
)

# A speaker with an account has the speaker's role in the room while the conference runs.
speakers: Final = Table(
    "speakers",
    metadata,
    Column(
        "conference",
        String(64),
        ForeignKey("conferences.slug", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("ordinal", Integer, primary_key=True),
    Column("person", String(64), ForeignKey("people.id", ondelete="SET NULL"), index=True),
    Column("role", String(16), nullable=False),  # speaker, host
    Column("name", String(64), nullable=False),
    Column("organisation", String(120)),
    Column("position", String(80)),
)

agenda: Final = Table(
    "agenda",
    metadata,
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "conference",
        String(64),
        ForeignKey("conferences.slug", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("added_ms", Ms, nullable=False),
)

# A calendar program reads the feed without a cookie: the address is the secret.
calendar_feeds: Final = Table(
    "calendar_feeds",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("created_ms", Ms, nullable=False),
)
