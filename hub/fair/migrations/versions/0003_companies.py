"""Companies, staff, pictures and files, favourites, cards, visits; what searches look through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

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
        sa.Column("logo_small", sa.String(length=64), nullable=True),
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
        sa.ForeignKeyConstraint(
            ["logo_small"],
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
    op.create_index(
        "ix_companies_changed_ms_version", "companies", ["changed_ms", "version"], unique=False
    )


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


def _search(kind: str) -> None:
    """Terms cut beforehand; the full-text index over them is the database's own kind."""
    postgres = op.get_bind().dialect.name == "postgresql"
    terms = postgresql.TSVECTOR() if postgres else sa.Text()
    table = f"search_{kind}"
    op.create_table(
        table,
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name_terms", terms, nullable=False),
        sa.Column("terms", terms, nullable=False),
        sa.Column("grams", terms, nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("id", name=op.f(f"uq_{table}_id")),
    )
    if postgres:
        for column in ("name_terms", "terms", "grams"):
            op.execute(f"CREATE INDEX gin_{table}_{column} ON {table} USING gin ({column})")
        return
    # The words are cut already: the tokenizer only has to part them at spaces. External
    # content: nothing is kept twice. The underscore belongs to the pieces of words.
    op.execute(
        f"CREATE VIRTUAL TABLE fts_{kind} USING fts5(name_terms, terms, grams, content='{table}', "
        "content_rowid='no', detail='column', tokenize=\"ascii tokenchars '_'\")"
    )
    columns = "rowid, name_terms, terms, grams"
    add = (
        f"INSERT INTO fts_{kind} ({columns}) VALUES (new.no, new.name_terms, new.terms, new.grams)"
    )
    drop = (
        f"INSERT INTO fts_{kind} (fts_{kind}, {columns}) "
        "VALUES ('delete', old.no, old.name_terms, old.terms, old.grams)"
    )
    for event, acts in (("insert", [add]), ("delete", [drop]), ("update", [drop, add])):
        op.execute(
            f"CREATE TRIGGER {table}_{event} AFTER {event.upper()} ON {table} "
            f"BEGIN {'; '.join(acts)}; END"
        )


def upgrade() -> None:
    for kind in ("company", "person", "conference"):
        _search(kind)
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
    for kind in ("company", "person", "conference"):
        op.drop_table(f"search_{kind}")
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TABLE fts_{kind}")
