"""Conferences, speakers, agendas, calendar feeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _conferences() -> None:
    op.create_table(
        "conferences",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("titles", sa.JSON(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("sector", sa.String(length=64), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=True),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("external_key", sa.String(length=120), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["room"],
            ["rooms.slug"],
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_conferences")),
        sa.UniqueConstraint("external_key", name=op.f("uq_conferences_external_key")),
    )
    op.create_index(op.f("ix_conferences_company"), "conferences", ["company"], unique=False)
    op.create_index(
        "ix_conferences_room_starts_ms", "conferences", ["room", "starts_ms"], unique=False
    )
    op.create_index(
        "ix_conferences_starts_ms_slug", "conferences", ["starts_ms", "slug"], unique=False
    )


def _speakers() -> None:
    op.create_table(
        "speakers",
        sa.Column("conference", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=120), nullable=True),
        sa.Column("position", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["conference"], ["conferences.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("conference", "ordinal", name=op.f("pk_speakers")),
    )
    op.create_index(op.f("ix_speakers_person"), "speakers", ["person"], unique=False)


def _agenda() -> None:
    op.create_table(
        "agenda",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("conference", sa.String(length=64), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["conference"], ["conferences.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person", "conference", name=op.f("pk_agenda")),
    )
    op.create_index(op.f("ix_agenda_conference"), "agenda", ["conference"], unique=False)


def _calendar_feeds() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("person", name=op.f("uq_calendar_feeds_person")),
    )


def upgrade() -> None:
    _conferences()
    _speakers()
    _agenda()
    _calendar_feeds()


def downgrade() -> None:
    op.drop_table("calendar_feeds")
    op.drop_table("agenda")
    op.drop_table("speakers")
    op.drop_table("conferences")
