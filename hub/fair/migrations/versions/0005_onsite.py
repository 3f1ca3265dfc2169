"""Entry slots, identity numbers, passes, the gate's record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _entry_slots() -> None:
    op.create_table(
        "entry_slots",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("starts_ms", sa.BigInteger(), nullable=False),
        sa.Column("ends_ms", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("taken >= 0", name="taken_not_negative"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_slots")),
    )
    op.create_index(op.f("ix_entry_slots_starts_ms"), "entry_slots", ["starts_ms"], unique=False)


def _identities() -> None:
    op.create_table(
        "identities",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("match", sa.String(length=64), nullable=True),
        sa.Column("cipher", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("consent_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_identities")),
        sa.UniqueConstraint("match", name=op.f("uq_identities_match")),
    )
    op.create_index(op.f("ix_identities_created_ms"), "identities", ["created_ms"], unique=False)


def _passes() -> None:
    op.create_table(
        "passes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("entered_ms", sa.BigInteger(), nullable=True),
        sa.Column("entered_by", sa.String(length=64), nullable=True),
        sa.Column("entered_gate", sa.String(length=16), nullable=True),
        sa.Column("entered_scan", sa.String(length=16), nullable=True),
        sa.Column("cancelled_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["people.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["slot"],
            ["entry_slots.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_passes_code_hash")),
        sa.UniqueConstraint("holder", name=op.f("uq_passes_holder")),
    )
    op.create_index(op.f("ix_passes_entered_ms"), "passes", ["entered_ms"], unique=False)
    op.create_index(op.f("ix_passes_person"), "passes", ["person"], unique=False)
    op.create_index(op.f("ix_passes_slot"), "passes", ["slot"], unique=False)


def _gate_events() -> None:
    op.create_table(
        "gate_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("pass_id", sa.String(length=32), nullable=True),
        sa.Column("result", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_events")),
    )
    op.create_index("ix_gate_events_at_ms", "gate_events", ["at_ms"], unique=False)


def upgrade() -> None:
    _entry_slots()
    _identities()
    _passes()
    _gate_events()


def downgrade() -> None:
    op.drop_table("gate_events")
    op.drop_table("passes")
    op.drop_table("identities")
    op.drop_table("entry_slots")
