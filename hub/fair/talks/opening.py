"""Opening talks: what the mode allows, and the rows, in the caller's transaction or our own.

``insert_talk`` is for parts that open a talk together with a record of theirs (an appointment,
a ring): both are there, or neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.directory import room_row
from hub.fair.engine import transaction
from hub.fair.tables import rooms, talk_members, talks
from hub.fair.talks.rows import need_companies, need_people, new_slug, role_on
from hub.ports.talks import (
    CAPACITY_MAX,
    GUEST_SIDE,
    MEMBERS_MAX,
    OPEN_MANY_MAX,
    SIDES_MAX,
    Talk,
    TalkDraft,
    TalkRefused,
)
from rooms.model import Kind, Mode, Role, RoomSpec

#: What rooms are called where outsiders see them (lists, figures): never the talk's subject.
TITLE: Final = "Negotiation"
_STAGE_MAX: Final = 50
_ROWS: Final = 1_000  # rows of one INSERT


def check(draft: TalkDraft, now_ms: int) -> None:
    """Whether the draft makes sense by itself. Raises TalkRefused."""
    if draft.ends_ms is not None and draft.ends_ms <= max(now_ms, draft.starts_ms):
        raise TalkRefused("in_the_past")
    if len(draft.members) > MEMBERS_MAX:
        raise TalkRefused("too_many")
    if draft.company == GUEST_SIDE:
        raise TalkRefused("unknown_company")
    people = [one.person for one in draft.members]
    sides, on = dict(draft.sides), [one.side for one in draft.members]
    wrong = (
        len(set(people)) != len(people)
        or not 0 <= draft.reserved < draft.capacity <= CAPACITY_MAX
        or len(sides) > SIDES_MAX
        or any(seats < 1 for seats in sides.values())
        or (bool(sides) and not sides.keys() >= set(on))
    )
    if draft.mode is Mode.ONE_TO_ONE:
        wrong = wrong or len(on) > 2 or (bool(sides) and sum(sides.values()) != 2)
        wrong = wrong or any(on.count(side) > seats for side, seats in sides.items())
    elif draft.mode is Mode.ONE_TO_MANY:
        hosts = draft.company is not None or any(m.role is Role.HOST for m in draft.members)
        wrong = wrong or bool(sides) or not hosts or draft.capacity < 2
    else:
        wrong = wrong or draft.capacity < 2 or sum(sides.values()) > draft.capacity
    if wrong:
        raise TalkRefused("wrong_mode")


def spec_of(draft: TalkDraft, slug: str) -> RoomSpec:
    alone = draft.mode is Mode.ONE_TO_ONE
    capacity = 2 if alone else draft.capacity
    return RoomSpec(
        slug=slug, title=TITLE, kind=Kind.NEGOTIATION, mode=draft.mode, capacity=capacity,
        reserved=0 if alone else draft.reserved, stage_capacity=min(capacity, _STAGE_MAX),
        waitlist=not alone, opens_at=draft.opens_ms, lobby=draft.lobby, sides=dict(draft.sides),
        relay_only=draft.relay_only,
    )  # fmt: skip


async def insert_talk(connection: AsyncConnection, draft: TalkDraft, now_ms: int) -> Talk:
    """Room, talk and members in the caller's transaction. Raises TalkRefused as
    ``Talks.open`` does; the caller's transaction must then end without a commit."""
    return (await insert_talks(connection, (draft,), now_ms))[0]


async def insert_talks(
    connection: AsyncConnection, drafts: Sequence[TalkDraft], now_ms: int
) -> tuple[Talk, ...]:
    for draft in drafts:
        check(draft, now_ms)
    sides = {side for d in drafts for side in (*d.sides, *(m.side for m in d.members))}
    hosts = {draft.company for draft in drafts if draft.company is not None}
    await need_companies(connection, (sides - {GUEST_SIDE}) | hosts)
    await need_people(connection, {one.person for draft in drafts for one in draft.members})
    made, room_rows, talk_rows, member_rows = [], [], [], []
    for draft in drafts:
        spec = spec_of(draft, new_slug())
        talk = Talk(
            room=spec.slug, origin=draft.origin, origin_id=draft.origin_id, company=draft.company,
            mode=draft.mode, subject=draft.subject, agenda=draft.agenda,
            starts_ms=draft.starts_ms, ends_ms=draft.ends_ms, relay_only=draft.relay_only,
            created_by=draft.by, created_ms=now_ms, ended_ms=None, ended_why=None,
            opens_ms=draft.opens_ms,
        )  # fmt: skip
        made.append(talk)
        room_rows.append({**room_row(spec), "version": 1, "created_ms": now_ms})
        talk_rows.append({column.name: getattr(talk, column.name, None) for column in talks.c})
        member_rows += [
            {
                "room": spec.slug, "person": one.person, "side": one.side,
                "role": role_on(one.side, draft.company, one.role).value, "lobby": one.lobby,
                "by": draft.by, "created_ms": now_ms, "removed_ms": None,
            }
            for one in draft.members
        ]  # fmt: skip
    try:
        for table, rows in ((rooms, room_rows), (talks, talk_rows), (talk_members, member_rows)):
            for first in range(0, len(rows), _ROWS):
                await connection.execute(sa.insert(table), rows[first : first + _ROWS])
    except IntegrityError:  # a company or a person went between the look and the write
        raise TalkRefused("unknown_person") from None
    return tuple(made)


class Opening(Part):
    """The beginning of ``hub.ports.talks.Talks``."""

    async def open(self, draft: TalkDraft) -> Talk:
        return (await self.open_many((draft,)))[0]

    async def open_many(self, drafts: Sequence[TalkDraft]) -> tuple[Talk, ...]:
        if len(drafts) > OPEN_MANY_MAX:
            raise TalkRefused("too_many")
        async with transaction(self._engine) as connection:
            return await insert_talks(connection, drafts, self._now_ms())
