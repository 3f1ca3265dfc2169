"""Appointments: what companies offer, what was asked for and agreed, and what is taken.

``busy`` is the promise that nobody is booked twice: a person's (or a table's) time in pieces of
five minutes, each of which can be inserted once. Whoever loses that race loses the booking.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table

from hub.fair.tables.base import Json, Ms, Serial, metadata

meeting_slots: Final = Table(
    "meeting_slots",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("company", String(64), ForeignKey("companies.slug", ondelete="CASCADE"), nullable=False),
    Column("staff", String(64), ForeignKey("people.id", ondelete="SET NULL")),  # whose; none: any
    Column("starts_ms", Ms, nullable=False),
    Column("ends_ms", Ms, nullable=False),
    Column("place", String(8), nullable=False),  # online, on_site, both
    Column("form", String(8), nullable=False),  # single, group (one to many)
    Column("title", String(200), nullable=False),  # of a group's session, else ""
    Column("capacity", Integer, nullable=False),
    Column("taken", Integer, nullable=False),  # pending and confirmed together
    Column("room", String(64)),  # of a group's session, once there is one
    Column("table_no", Integer),  # the company's table on site, counted from 1
    Column("by", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("cancelled_ms", Ms),
    Index("ix_meeting_slots_company_starts_ms", "company", "starts_ms"),
    Index("ix_meeting_slots_starts_ms", "starts_ms"),
)

appointments: Final = Table(
    "appointments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("form", String(8), nullable=False),  # single, group, round (many to many)
    Column("slot", String(32), ForeignKey("meeting_slots.id"), index=True),
    Column("company", String(64), ForeignKey("companies.slug", ondelete="CASCADE"), nullable=False),
    Column("visitor", String(64), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("staff", String(64), ForeignKey("people.id", ondelete="SET NULL")),
    Column("subject", String(200), nullable=False),
    Column("note", String(1000), nullable=False),
    Column("place", String(8), nullable=False),  # online, on_site
    Column("table_no", Integer),  # on site
    Column("starts_ms", Ms, nullable=False),
    Column("ends_ms", Ms, nullable=False),
    # pending, countered (another time was proposed), confirmed, declined, cancelled, lapsed,
    # running, done, no_show
    Column("state", String(16), nullable=False),
    Column("turn", String(8), nullable=False),  # whose answer is awaited: company, visitor, ""
    Column("hold_until_ms", Ms),  # while pending or countered
    Column("reason", String(500)),
    Column("room", String(64), index=True),  # the talk, made when it is confirmed
    Column("visitor_came_ms", Ms),
    Column("company_came_ms", Ms),
    Column("ended_ms", Ms),
    Column("reminded_ms", Ms),
    Column("created_ms", Ms, nullable=False),
    Column("changed_ms", Ms, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_appointments_company_starts_ms", "company", "starts_ms"),
    Index("ix_appointments_visitor_starts_ms", "visitor", "starts_ms"),
    Index("ix_appointments_staff_starts_ms", "staff", "starts_ms"),
    Index("ix_appointments_state_starts_ms", "state", "starts_ms"),
    Index("ix_appointments_state_hold_until_ms", "state", "hold_until_ms"),
)

# The companies of a many-to-many round; the one that proposed it is in ``appointments`` too.
round_companies: Final = Table(
    "round_companies",
    metadata,
    Column(
        "appointment",
        String(32),
        ForeignKey("appointments.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "company",
        String(64),
        ForeignKey("companies.slug", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("seats", Integer, nullable=False),
    Column("staff", String(64), ForeignKey("people.id", ondelete="SET NULL")),
    Column("state", String(16), nullable=False),  # invited, accepted, declined
    Column("changed_ms", Ms, nullable=False),
)

busy: Final = Table(
    "busy",
    metadata,
    Column("subject", String(80), primary_key=True),  # person id, or "table:<company>:<n>"
    Column("tick", BigInteger, primary_key=True, autoincrement=False),  # start_ms / 300,000
    # The appointment's id; a group session's slot; a room, for what an extension took.
    Column("appointment", String(32), nullable=False, index=True),
    Column("firm", Boolean, nullable=False),  # False: held by a request not answered yet
)

appointment_log: Final = Table(
    "appointment_log",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column(
        "appointment",
        String(32),
        ForeignKey("appointments.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("at_ms", Ms, nullable=False),
    Column("by", String(64), nullable=False),  # person id, or "" for the fair itself
    Column("act", String(32), nullable=False),
    Column("detail", Json, nullable=False),
)
