"""Companies, staff, pictures and files, favourites, cards, visits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("content_type", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_blobs")),
    )


def _companies() -> None:
    op.create_table(
        "companies",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("sector", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("website", sa.String(length=300), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("logo", sa.String(length=64), nullable=True),
        sa.Column("booth", sa.String(length=32), nullable=True),
        sa.Column("on_site", sa.Boolean(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("sort_key", sa.String(length=130), nullable=False),
        sa.Column("external_key", sa.String(length=120), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["logo"],
            ["blobs.hash"],
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_companies")),
        sa.UniqueConstraint("external_key", name=op.f("uq_companies_external_key")),
    )
    op.create_index(
        "ix_companies_country_sort_key", "companies", ["country", "sort_key"], unique=False
    )
    op.create_index(
        "ix_companies_sector_sort_key", "companies", ["sector", "sort_key"], unique=False
    )
    op.create_index("ix_companies_sort_key", "companies", ["sort_key"], unique=False)


def _company_staff() -> None:
    op.create_table(
        "company_staff",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("company", "person", name=op.f("pk_company_staff")),
    )
    op.create_index(op.f("ix_company_staff_person"), "company_staff", ["person"], unique=False)


def _company_invites() -> None:
    op.create_table(
        "company_invites",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("invited_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_company_invites")),
    )
    op.create_index(
        op.f("ix_company_invites_company"), "company_invites", ["company"], unique=False
    )


def _company_files() -> None:
    op.create_table(
        "company_files",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("filename", sa.String(length=120), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["blob"],
            ["blobs.hash"],
        ),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_files")),
    )
    op.create_index(op.f("ix_company_files_company"), "company_files", ["company"], unique=False)


def _favourites() -> None:
    op.create_table(
        "favourites",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person", "company", name=op.f("pk_favourites")),
    )
    op.create_index(op.f("ix_favourites_company"), "favourites", ["company"], unique=False)


def _cards() -> None:
    op.create_table(
        "cards",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person", "company", name=op.f("pk_cards")),
    )
    op.create_index("ix_cards_company_changed_ms", "cards", ["company", "changed_ms"], unique=False)


def _visits() -> None:
    op.create_table(
        "visits",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("company", "person", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_person"), "visits", ["person"], unique=False)


def upgrade() -> None:
    _blobs()
    _companies()
    _company_staff()
    _company_invites()
    _company_files()
    _favourites()
    _cards()
    _visits()


def downgrade() -> None:
    op.drop_table("visits")
    op.drop_table("cards")
    op.drop_table("favourites")
    op.drop_table("company_files")
    op.drop_table("company_invites")
    op.drop_table("company_staff")
    op.drop_table("companies")
    op.drop_table("blobs")
