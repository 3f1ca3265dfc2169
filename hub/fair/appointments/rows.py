"""Appointments and slots between rows and records, and what all parts here ask of the tables."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import (
    appointment_log,
    appointments,
    companies,
    company_staff,
    meeting_slots,
    people,
    round_companies,
)
from hub.ports.appointments import Appointment, AppointmentRefused, MeetingSlot, RoundCompany
from hub.ports.companies import EDITS
from rooms.appointments import State

visitor = people.alias("visitor")
staff = people.alias("assigned")
A = appointments.c
S = meeting_slots.c
R = round_companies.c
_CURSOR: Final = re.compile(r"([0-9]{1,15})\.([0-9a-f]{1,32})")
#: What holds time: waiting for an answer, agreed, or taking place.
ACTIVE: Final = tuple(
    state.value for state in (State.PENDING, State.COUNTERED, State.CONFIRMED, State.RUNNING)
)
WAITING: Final = (State.PENDING.value, State.COUNTERED.value)
AGREED: Final = (State.CONFIRMED.value, State.RUNNING.value)

SELECT: Final = (
    sa.select(
        appointments, companies.c.name.label("company_name"), companies.c.names,
        companies.c.booth, visitor.c.name.label("visitor_name"),
        visitor.c.organisation.label("visitor_organisation"), staff.c.name.label("staff_name"),
    )
    .join(companies, companies.c.slug == A.company)
    .join(visitor, visitor.c.id == A.visitor)
    .outerjoin(staff, staff.c.id == A.staff)
)  # fmt: skip
SELECT_SLOTS: Final = sa.select(meeting_slots, staff.c.name.label("staff_name")).outerjoin(
    staff, staff.c.id == S.staff
)


def new_id() -> str:
    return secrets.token_hex(10)


def to_slot(row: Any) -> MeetingSlot:
    return MeetingSlot(
        row.id, row.company, row.staff, row.staff_name, row.starts_ms, row.ends_ms, row.place,
        row.form, row.title, row.capacity, row.taken, row.table_no, row.room,
        row.cancelled_ms is not None,
    )  # fmt: skip


def _record(row: Any, rounds: Mapping[str, Sequence[RoundCompany]]) -> Appointment:
    return Appointment(
        id=row.id, form=row.form, slot=row.slot, company=row.company,
        company_name=row.company_name, names=row.names, booth=row.booth, visitor=row.visitor,
        visitor_name=row.visitor_name, visitor_organisation=row.visitor_organisation,
        staff=row.staff, staff_name=row.staff_name, subject=row.subject, note=row.note,
        place=row.place, table=row.table_no, starts_ms=row.starts_ms, ends_ms=row.ends_ms,
        state=State(row.state), turn=row.turn, hold_until_ms=row.hold_until_ms,
        reason=row.reason, room=row.room, visitor_came_ms=row.visitor_came_ms,
        company_came_ms=row.company_came_ms, ended_ms=row.ended_ms, created_ms=row.created_ms,
        changed_ms=row.changed_ms, version=row.version,
        companies=tuple(rounds.get(row.id, ())),
    )  # fmt: skip


async def records(connection: AsyncConnection, rows: Sequence[Any]) -> tuple[Appointment, ...]:
    """Rows of SELECT with the companies of those that are rounds."""
    wanted = [row.id for row in rows if row.form == "round"]
    rounds: dict[str, list[RoundCompany]] = {}
    if wanted:
        query = (
            sa.select(round_companies, companies.c.name, staff.c.name.label("staff_name"))
            .join(companies, companies.c.slug == R.company)
            .outerjoin(staff, staff.c.id == R.staff)
            .where(R.appointment.in_(wanted))
            .order_by(R.appointment, companies.c.name, R.company)
        )
        for row in await connection.execute(query):
            rounds.setdefault(row.appointment, []).append(
                RoundCompany(row.company, row.name, row.seats, row.staff, row.staff_name, row.state)
            )
    return tuple(_record(row, rounds) for row in rows)


async def read(connection: AsyncConnection, appointment: str) -> Appointment | None:
    rows = (await connection.execute(SELECT.where(A.id == appointment))).all()
    return (await records(connection, rows))[0] if rows else None


async def hold(connection: AsyncConnection, appointment: str) -> Appointment:
    """The appointment, nobody else's to change until the transaction ends. Raises
    AppointmentRefused(unknown_appointment)."""
    held = sa.update(appointments).where(A.id == appointment).values(id=A.id).returning(A.id)
    if (await connection.execute(held)).one_or_none() is None:
        raise AppointmentRefused("unknown_appointment")
    found = await read(connection, appointment)
    assert found is not None
    return found


async def write(connection: AsyncConnection, appointment: str, now_ms: int, **values: Any) -> None:
    await connection.execute(
        sa.update(appointments)
        .where(A.id == appointment)
        .values(changed_ms=now_ms, version=A.version + 1, **values)
    )


async def note(
    connection: AsyncConnection, appointment: str, now_ms: int, by: str, act: str, **detail: Any
) -> None:
    """A line of the appointment's log; details that are None are left out."""
    kept = {name: value for name, value in detail.items() if value is not None}
    await connection.execute(
        sa.insert(appointment_log).values(
            appointment=appointment, at_ms=now_ms, by=by, act=act, detail=kept
        )
    )


async def lock_company(connection: AsyncConnection, company: str) -> bool:
    """What is counted or compared of one company happens one after another, until the
    transaction ends; False when there is no such company."""
    c = companies.c
    held = sa.update(companies).where(c.slug == company).values(slug=c.slug).returning(c.slug)
    return (await connection.execute(held)).one_or_none() is not None


# --- people and companies ----------------------------------------------------------------------


def alive(table: Any = people) -> Any:
    return table.c.erased_ms.is_(None) & table.c.blocked.is_(False)


async def role_in(connection: AsyncConnection, company: str, person: str) -> str | None:
    query = (
        sa.select(company_staff.c.role)
        .join(people, people.c.id == company_staff.c.person)
        .where(company_staff.c.company == company, company_staff.c.person == person, alive())
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def need_colleague(connection: AsyncConnection, company: str, person: str) -> None:
    """Raises AppointmentRefused(unknown_person) for nobody of the staff."""
    if await role_in(connection, company, person) is None:
        raise AppointmentRefused("unknown_person")


async def staff_of(connection: AsyncConnection, company: str) -> tuple[str, ...]:
    query = (
        sa.select(company_staff.c.person)
        .join(people, people.c.id == company_staff.c.person)
        .where(company_staff.c.company == company, alive())
        .order_by(company_staff.c.person)
        .limit(200)
    )
    return tuple((await connection.execute(query)).scalars())


def edits(role: str | None) -> bool:
    """Whether this role speaks for everybody of the company."""
    return role in EDITS


# --- cursors -----------------------------------------------------------------------------------


def cursor_of(starts_ms: int, id: str) -> str:
    return f"{starts_ms}.{id}"


def after(cursor: str, starts: Any, id: Any, *, newest: bool = False) -> Any:
    """SQL: behind the row the cursor names. Raises ValueError."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise ValueError("cursor")
    starts_ms, last = int(found[1]), found[2]
    if newest:
        return (starts < starts_ms) | ((starts == starts_ms) & (id < last))
    return (starts > starts_ms) | ((starts == starts_ms) & (id > last))
