"""Results of talks: versions, who confirmed which, and what was published."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
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

results: Final = Table(
    "results",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("room", String(64), ForeignKey("talks.room"), index=True),  # none: by the organiser
    # agreement, letter_of_intent, strategic_cooperation, launch, award, other
    Column("kind", String(32), nullable=False),
    Column("sector", String(64), nullable=False),
    Column("titles", Json, nullable=False),  # by language
    Column("texts", Json, nullable=False),  # by language
    Column("amount", BigInteger),  # in the currency's smallest unit; none: undisclosed
    Column("currency", String(3)),
    Column("decimals", Integer),  # how many the smallest unit stands for
    Column("signed_on", String(10), nullable=False),  # YYYY-MM-DD in the fair's zone
    Column("filename", String(120)),
    Column("content_type", String(80)),
    Column("size", Integer),
    Column("sha256", String(64)),  # of the attachment as it is kept
    Column(
        "state", String(16), nullable=False
    ),  # draft, confirming, confirmed, released, withdrawn
    Column("version", Integer, nullable=False),  # grows with each change of what is confirmed
    Column("digest", String(64), nullable=False),  # SHA-256 of all that a party confirms
    Column("release_ms", Ms),  # when it is to be published; none: not released
    Column("released_ms", Ms),
    Column("released_on", String(10)),  # YYYY-MM-DD in the fair's zone as it was then
    Column("withdrawn_ms", Ms),
    Column("withdrawn_notes", Json),  # by language
    Column("by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("changed_ms", Ms, nullable=False),
    Index("ix_results_state_release_ms", "state", "release_ms"),
    Index("ix_results_released_ms", "released_ms"),
)

# Sealed with AES-256-GCM under a key of the vault's. Apart from ``results``: SQLite writes a
# whole row anew, whatever of it changes.
result_files: Final = Table(
    "result_files",
    metadata,
    Column("result", String(32), ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

result_parties: Final = Table(
    "result_parties",
    metadata,
    Column("result", String(32), ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", String(120), nullable=False),
    Column("country", String(2), nullable=False),
    Column("company", String(64), ForeignKey("companies.slug", ondelete="SET NULL"), index=True),
    Column("person", String(64), ForeignKey("people.id", ondelete="SET NULL"), index=True),
    Column("confirmed_version", Integer),
    Column("confirmed_digest", String(64)),
    Column("confirmed_by", String(64)),
    Column("confirmed_ms", Ms),
    Column("organiser", Boolean, nullable=False),  # confirmed by the organiser on paper
    Column("paper_note", String(500)),
    Column("asked_ms", Ms),  # when its people were last written to
)

# What each version said: whoever is asked again is shown what has changed.
result_versions: Final = Table(
    "result_versions",
    metadata,
    Column("result", String(32), ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", Ms, nullable=False),
    Column("by", String(64), nullable=False),
    Column("content", Json, nullable=False),
)

# What was published is corrected only with a note that everybody sees.
result_corrections: Final = Table(
    "result_corrections",
    metadata,
    Column("result", String(32), ForeignKey("results.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", Ms, nullable=False),
    Column("by", String(64), nullable=False),
    Column("notes", Json, nullable=False),  # by language
    Column("before", Json, nullable=False),  # what it said
)
