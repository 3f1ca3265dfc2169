"""Talks, appointments, rings, results; lobby, sides and relay of rooms.

Long: one step of the schema.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _busy() -> None:
    op.create_table(
        "busy",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("tick", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("appointment", sa.String(length=32), nullable=False),
        sa.Column("firm", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "tick", name=op.f("pk_busy")),
    )
    op.create_index(op.f("ix_busy_appointment"), "busy", ["appointment"], unique=False)


def _meeting_slots() -> None:
    op.create_table(
        "meeting_slots",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(length=64), nullable=True),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("form", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("table_no", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["staff"], ["people.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_slots")),
    )
    op.create_index(
        "ix_meeting_slots_company_starts_ms",
        "meeting_slots",
        ["company", "starts_ms"],
        unique=False,
    )
    op.create_index("ix_meeting_slots_starts_ms", "meeting_slots", ["starts_ms"], unique=False)


def _rings() -> None:
    op.create_table(
        "rings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("visitor", sa.String(length=64), nullable=False),
        sa.Column("ringing", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["answered_by"], ["people.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["visitor"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rings")),
        sa.UniqueConstraint("ringing", name=op.f("uq_rings_ringing")),
    )
    op.create_index("ix_rings_company_created_ms", "rings", ["company", "created_ms"], unique=False)
    op.create_index(op.f("ix_rings_room"), "rings", ["room"], unique=False)
    op.create_index("ix_rings_state_expires_ms", "rings", ["state", "expires_ms"], unique=False)
    op.create_index("ix_rings_visitor_created_ms", "rings", ["visitor", "created_ms"], unique=False)


def _talks() -> None:
    op.create_table(
        "talks",
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("origin_id", sa.String(length=64), nullable=True),
        sa.Column("company", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("agenda", sa.String(length=4000), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_why", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["room"],
            ["rooms.slug"],
        ),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_talks")),
    )
    op.create_index(op.f("ix_talks_company"), "talks", ["company"], unique=False)
    op.create_index("ix_talks_ended_ms_starts_ms", "talks", ["ended_ms", "starts_ms"], unique=False)
    op.create_index(op.f("ix_talks_origin_id"), "talks", ["origin_id"], unique=False)


def _appointments() -> None:
    op.create_table(
        "appointments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=8), nullable=False),
        sa.Column("slot", sa.String(length=32), nullable=True),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("visitor", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("table_no", sa.Integer(), nullable=True),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("turn", sa.String(length=8), nullable=False),
        sa.Column("hold_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("visitor_came_ms", sa.BigInteger(), nullable=True),
        sa.Column("company_came_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("reminded_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["slot"],
            ["meeting_slots.id"],
        ),
        sa.ForeignKeyConstraint(["staff"], ["people.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["visitor"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
    )
    op.create_index(
        "ix_appointments_company_starts_ms", "appointments", ["company", "starts_ms"], unique=False
    )
    op.create_index(op.f("ix_appointments_room"), "appointments", ["room"], unique=False)
    op.create_index(op.f("ix_appointments_slot"), "appointments", ["slot"], unique=False)
    op.create_index(
        "ix_appointments_staff_starts_ms", "appointments", ["staff", "starts_ms"], unique=False
    )
    op.create_index(
        "ix_appointments_state_hold_until_ms",
        "appointments",
        ["state", "hold_until_ms"],
        unique=False,
    )
    op.create_index(
        "ix_appointments_state_starts_ms", "appointments", ["state", "starts_ms"], unique=False
    )
    op.create_index(
        "ix_appointments_visitor_starts_ms", "appointments", ["visitor", "starts_ms"], unique=False
    )


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("sector", sa.String(length=64), nullable=False),
        sa.Column("titles", sa.JSON(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("decimals", sa.Integer(), nullable=True),
        sa.Column("signed_on", sa.String(length=10), nullable=False),
        sa.Column("filename", sa.String(length=120), nullable=True),
        sa.Column("content_type", sa.String(length=80), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("release_ms", sa.BigInteger(), nullable=True),
        sa.Column("released_ms", sa.BigInteger(), nullable=True),
        sa.Column("released_on", sa.String(length=10), nullable=True),
        sa.Column("withdrawn_ms", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_notes", sa.JSON(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["room"],
            ["talks.room"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
    )
    op.create_index("ix_results_released_ms", "results", ["released_ms"], unique=False)
    op.create_index(op.f("ix_results_room"), "results", ["room"], unique=False)
    op.create_index("ix_results_state_release_ms", "results", ["state", "release_ms"], unique=False)


def _ring_staff() -> None:
    op.create_table(
        "ring_staff",
        sa.Column("ring", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("ringing", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ring"], ["rings.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ring", "person", name=op.f("pk_ring_staff")),
        sa.UniqueConstraint("ringing", name=op.f("uq_ring_staff_ringing")),
    )


def _talk_files() -> None:
    op.create_table(
        "talk_files",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=120), nullable=False),
        sa.Column("content_type", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["room"], ["talks.room"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk_files")),
    )
    op.create_index(op.f("ix_talk_files_room"), "talk_files", ["room"], unique=False)


def _talk_invites() -> None:
    op.create_table(
        "talk_invites",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("side", sa.String(length=64), nullable=False),
        sa.Column("lobby", sa.Boolean(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=True),
        sa.Column("company", sa.String(length=64), nullable=True),
        sa.Column("uses_max", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["room"], ["talks.room"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk_invites")),
    )
    op.create_index(op.f("ix_talk_invites_room"), "talk_invites", ["room"], unique=False)


def _talk_log() -> None:
    op.create_table(
        "talk_log",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["room"], ["talks.room"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk_log")),
    )
    op.create_index(op.f("ix_talk_log_room"), "talk_log", ["room"], unique=False)


def _talk_members() -> None:
    op.create_table(
        "talk_members",
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("side", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("lobby", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room"], ["talks.room"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("room", "person", name=op.f("pk_talk_members")),
    )
    op.create_index(op.f("ix_talk_members_person"), "talk_members", ["person"], unique=False)


def _talk_notes() -> None:
    op.create_table(
        "talk_notes",
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["room"], ["talks.room"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_talk_notes")),
    )


def _appointment_log() -> None:
    op.create_table(
        "appointment_log",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("appointment", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["appointment"], ["appointments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment_log")),
    )
    op.create_index(
        op.f("ix_appointment_log_appointment"), "appointment_log", ["appointment"], unique=False
    )


def _result_corrections() -> None:
    op.create_table(
        "result_corrections",
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["result"], ["results.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("result", "version", name=op.f("pk_result_corrections")),
    )


def _result_parties() -> None:
    op.create_table(
        "result_parties",
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=True),
        sa.Column("person", sa.String(length=64), nullable=True),
        sa.Column("confirmed_version", sa.Integer(), nullable=True),
        sa.Column("confirmed_digest", sa.String(length=64), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.Column("organiser", sa.Boolean(), nullable=False),
        sa.Column("paper_note", sa.String(length=500), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["result"], ["results.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("result", "position", name=op.f("pk_result_parties")),
    )
    op.create_index(op.f("ix_result_parties_company"), "result_parties", ["company"], unique=False)
    op.create_index(op.f("ix_result_parties_person"), "result_parties", ["person"], unique=False)


def _result_files() -> None:
    op.create_table(
        "result_files",
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["result"], ["results.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("result", name=op.f("pk_result_files")),
    )


def _result_versions() -> None:
    op.create_table(
        "result_versions",
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["result"], ["results.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("result", "version", name=op.f("pk_result_versions")),
    )


def _search_result() -> None:
    """As migration 0003 made those of companies, people and conferences."""
    postgres = op.get_bind().dialect.name == "postgresql"
    terms = postgresql.TSVECTOR() if postgres else sa.Text()
    op.create_table(
        "search_result",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name_terms", terms, nullable=False),
        sa.Column("terms", terms, nullable=False),
        sa.Column("grams", terms, nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_search_result")),
        sa.UniqueConstraint("id", name=op.f("uq_search_result_id")),
    )
    names = ("name_terms", "terms", "grams")
    if postgres:
        for name in names:
            op.execute(f"CREATE INDEX gin_search_result_{name} ON search_result USING gin ({name})")
        return
    op.execute(
        "CREATE VIRTUAL TABLE fts_result USING fts5(name_terms, terms, grams, "
        "content='search_result', content_rowid='no', detail='column', "
        "tokenize=\"ascii tokenchars '_'\")"
    )
    columns = ", ".join(("rowid", *names))
    new, old = (", ".join(f"{row}.{name}" for name in ("no", *names)) for row in ("new", "old"))
    add = f"INSERT INTO fts_result ({columns}) VALUES ({new})"
    drop = f"INSERT INTO fts_result (fts_result, {columns}) VALUES ('delete', {old})"
    for event, acts in (("insert", [add]), ("delete", [drop]), ("update", [drop, add])):
        op.execute(
            f"CREATE TRIGGER search_result_{event} AFTER {event.upper()} ON search_result "
            f"BEGIN {'; '.join(acts)}; END"
        )


def _round_companies() -> None:
    op.create_table(
        "round_companies",
        sa.Column("appointment", sa.String(length=32), nullable=False),
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["appointment"], ["appointments.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["company"], ["companies.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["staff"], ["people.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("appointment", "company", name=op.f("pk_round_companies")),
    )
    op.create_index(
        op.f("ix_round_companies_company"), "round_companies", ["company"], unique=False
    )


def _rooms() -> None:
    op.add_column(
        "rooms", sa.Column("lobby", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("rooms", sa.Column("sides", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column(
        "rooms", sa.Column("relay_only", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def upgrade() -> None:
    _rooms()
    _busy()
    _meeting_slots()
    _rings()
    _talks()
    _appointments()
    _results()
    _ring_staff()
    _talk_files()
    _talk_invites()
    _talk_log()
    _talk_members()
    _talk_notes()
    _appointment_log()
    _result_corrections()
    _result_parties()
    _result_files()
    _result_versions()
    _search_result()
    _round_companies()


def downgrade() -> None:
    op.drop_table("round_companies")
    op.drop_table("search_result")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE fts_result")
    op.drop_table("result_versions")
    op.drop_table("result_files")
    op.drop_table("result_parties")
    op.drop_table("result_corrections")
    op.drop_table("appointment_log")
    op.drop_table("talk_notes")
    op.drop_table("talk_members")
    op.drop_table("talk_log")
    op.drop_table("talk_invites")
    op.drop_table("talk_files")
    op.drop_table("ring_staff")
    op.drop_table("results")
    op.drop_table("appointments")
    op.drop_table("talks")
    op.drop_table("rings")
    op.drop_table("meeting_slots")
    op.drop_table("busy")
    for column in ("relay_only", "sides", "lobby"):
        op.drop_column("rooms", column)
