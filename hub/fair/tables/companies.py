"""Companies, their staff, files and visitors."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from hub.fair.tables.base import Json, Ms, metadata

companies: Final = Table(
    "companies",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("names", Json, nullable=False),  # by language, besides ``name``
    Column("sector", String(64), nullable=False),
    Column("country", String(2), nullable=False),
    Column("summary", Json, nullable=False),  # by language, one or two sentences
    Column("about", Json, nullable=False),  # by language, plain text in paragraphs
    Column("website", String(300)),
    Column("links", Json, nullable=False),  # [{"title", "url"}]
    Column("logo", String(64), ForeignKey("blobs.hash")),
    Column("logo_small", String(64), ForeignKey("blobs.hash")),
    Column("booth", String(32)),
    Column("on_site", Boolean, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("sort_key", String(130), nullable=False),  # how directories are ordered; unique enough
    Column("external_key", String(120), unique=True),
    Column("created_ms", Ms, nullable=False),
    Column("changed_ms", Ms, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_companies_sector_sort_key", "sector", "sort_key"),
    Index("ix_companies_country_sort_key", "country", "sort_key"),
    Index("ix_companies_sort_key", "sort_key"),
    # Whether anything changed, and what, is asked every other second.
    Index("ix_companies_changed_ms_version", "changed_ms", "version"),
)

company_staff: Final = Table(
    "company_staff",
    metadata,
    Column(
        "company", String(64), ForeignKey("companies.slug", ondelete="CASCADE"), primary_key=True
    ),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("role", String(16), nullable=False),  # owner, editor, staff
    Column("title", String(80)),
    Column("shown", Boolean, nullable=False),
    Column("created_ms", Ms, nullable=False),
)

company_invites: Final = Table(
    "company_invites",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column(
        "company",
        String(64),
        ForeignKey("companies.slug", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("email", String(254), nullable=False),
    Column("role", String(16), nullable=False),
    Column("invited_by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("expires_ms", Ms, nullable=False),
    Column("used_ms", Ms),
    Column("revoked_ms", Ms),
)

# Pictures and downloads live in the database: one backup, and every machine has them.
blobs: Final = Table(
    "blobs",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of ``body``
    Column("content_type", String(80), nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_ms", Ms, nullable=False),
)

company_files: Final = Table(
    "company_files",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "company",
        String(64),
        ForeignKey("companies.slug", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("title", String(120), nullable=False),
    Column("filename", String(120), nullable=False),
    Column("blob", String(64), ForeignKey("blobs.hash"), nullable=False),
    Column("created_ms", Ms, nullable=False),
)

favourites: Final = Table(
    "favourites",
    metadata,
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "company",
        String(64),
        ForeignKey("companies.slug", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("created_ms", Ms, nullable=False),
)

# A card is the person's own act: it shows the company who they are, whatever they show others.
cards: Final = Table(
    "cards",
    metadata,
    Column("person", String(64), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "company", String(64), ForeignKey("companies.slug", ondelete="CASCADE"), primary_key=True
    ),
    Column("note", String(1000)),
    Column("created_ms", Ms, nullable=False),
    Column("changed_ms", Ms, nullable=False),
    Index("ix_cards_company_changed_ms", "company", "changed_ms"),
)

visits: Final = Table(
    "visits",
    metadata,
    Column(
        "company", String(64), ForeignKey("companies.slug", ondelete="CASCADE"), primary_key=True
    ),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("first_ms", Ms, nullable=False),
    Column("last_ms", Ms, nullable=False),
    Column("times", Integer, nullable=False),
)
