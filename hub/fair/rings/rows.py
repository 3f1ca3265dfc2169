"""Rings between rows and records."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import companies, people, ring_staff, rings
from rooms.rings import Happening, Ring, State, Why, after

_taker: Final = people.alias("taker")
R: Final = rings.c
S: Final = ring_staff.c

RUNG: Final = "rung"
DECLINED: Final = "declined"
TOOK: Final = "took"

_COLUMNS: Final = (
    R.id, R.company, companies.c.name.label("company_name"), R.visitor,
    people.c.name.label("visitor_name"), people.c.organisation, R.subject, R.state, R.why,
    R.created_ms, R.expires_ms, R.ended_ms, R.answered_by.label("by"),
    _taker.c.name.label("by_name"), R.room, R.seen_ms,
)  # fmt: skip


def select_rings() -> Any:
    return (
        sa.select(*_COLUMNS)
        .join(companies, companies.c.slug == R.company)
        .join(people, people.c.id == R.visitor)
        .outerjoin(_taker, _taker.c.id == R.answered_by)
    )


def record(row: sa.Row[Any], staff: tuple[str, ...] = ()) -> Ring:
    values = dict(row._mapping)
    values["state"] = State(values["state"])
    values["why"] = None if values["why"] is None else Why(values["why"])
    return Ring(**values, staff=staff)


def step(happening: Happening, now_ms: int) -> dict[str, Any]:
    """The columns of a ringing ring after what happened: it is over."""
    outcome = after(State.RINGING, happening)
    assert outcome is not None, happening  # every happening ends a ring that rings
    state, why = outcome
    return {
        "state": state.value, "why": None if why is None else why.value, "ended_ms": now_ms,
        "ringing": None,
    }  # fmt: skip


async def load(connection: AsyncConnection, ring: str) -> Ring | None:
    """With those it rang for."""
    row = (await connection.execute(select_rings().where(R.id == ring))).one_or_none()
    if row is None:
        return None
    staff = await connection.execute(sa.select(S.person).where(S.ring == ring).order_by(S.person))
    return record(row, tuple(staff.scalars()))


async def silence(connection: AsyncConnection, ring: str) -> None:
    """Those it rang for are free for the next."""
    free = sa.update(ring_staff).where(S.ring == ring, S.ringing.is_not(None))
    await connection.execute(free.values(ringing=None))


class RingRows(Part):
    """Reading one ring."""

    async def get(self, ring: str) -> Ring | None:
        async with transaction(self._engine) as connection:
            return await load(connection, ring)
