"""Answers: accept, decline, another time, hand over, cancel; who may, and what it takes.

Each act holds the appointment first and then decides by the table of ``rooms.appointments``
on what it finds, so that of two answers at once the second sees the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import busy, rows
from hub.fair.appointments.asking import HOUR_MS, Asks
from hub.fair.appointments.ending import guest, host_of, join_talk, leave_talk, open_talk
from hub.fair.appointments.rows import A, R, S
from hub.fair.appointments.times import check_times
from hub.fair.engine import transaction
from hub.fair.tables import appointments, company_staff, meeting_slots, round_companies
from hub.ports.appointments import Appointment, AppointmentRefused, Change
from hub.ports.talks import GUEST_SIDE, Belonging
from rooms.appointments import AGREED, Act, Refused, Side, State, decide
from rooms.model import Mode, Role

_ENDS: Final = frozenset({Act.DECLINE, Act.CANCEL})
#: A round is answered by its companies (``answer_round``).
_ROUND: Final = frozenset({Act.CANCEL, Act.HAND_OVER})


@dataclass(frozen=True, slots=True)
class _Wish:
    """What goes along with an act."""

    by: str
    zone: ZoneInfo
    reason: str | None
    staff: str | None
    slot: str | None
    starts_ms: int | None
    ends_ms: int | None


class Acts(Asks):
    """Answering, as ``hub.ports.appointments.Appointments`` has it."""

    async def act(
        self, appointment: str, act: Act, by: str, zone: ZoneInfo, *, organiser: bool = False,
        reason: str | None = None, staff: str | None = None, slot: str | None = None,
        starts_ms: int | None = None, ends_ms: int | None = None,
    ) -> Change:  # fmt: skip
        wish = _Wish(by, zone, reason, staff, slot, starts_ms, ends_ms)
        async with transaction(self._engine) as connection:
            one = await rows.hold(connection, appointment)
            if one.form == "round" and act is Act.HAND_OVER:
                return await self._hand_round(connection, one, wish)
            side = await self._side(connection, one, by, organiser)
            try:
                after = decide(one.state, act, side)
            except Refused as refused:
                raise AppointmentRefused(refused.code.value) from None
            if one.form == "round" and act not in _ROUND:
                raise AppointmentRefused("bad_form")
            if one.hold_until_ms is not None and one.hold_until_ms <= self._now_ms():
                raise AppointmentRefused("over")  # lapsed, though no hub has written it yet
            if side is Side.COMPANY:
                await self._may_answer(connection, one, by)
            if act in _ENDS:
                if one.form == "round":
                    return await self._end_round(connection, one, act, after, wish)
                return await self._end(connection, one, act, after, by, reason)
            if act is Act.ACCEPT:
                return await self._accept(connection, one, side, wish)
            if act is Act.PROPOSE:
                return await self._propose(connection, one, wish)
            if act is Act.HAND_OVER:
                return await self._hand_over(connection, one, wish)
            return await self._miss(connection, one, wish)

    async def _side(
        self, connection: AsyncConnection, one: Appointment, by: str, organiser: bool
    ) -> Side:
        """Whose side ``by`` is on. For whoever is on none the appointment does not exist."""
        if organiser:
            return Side.ORGANISER
        if by == one.visitor and one.form != "round":
            return Side.VISITOR
        if await rows.role_in(connection, one.company, by) is not None:
            return Side.COMPANY
        theirs = {answer.company for answer in one.companies if answer.state != "declined"}
        if theirs and await self._works_for(connection, theirs, by):
            raise AppointmentRefused("not_yours")
        raise AppointmentRefused("unknown_appointment")

    async def _works_for(
        self, connection: AsyncConnection, companies: set[str], person: str
    ) -> bool:
        query = sa.select(
            sa.exists().where(
                company_staff.c.person == person, company_staff.c.company.in_(companies)
            )
        )
        return bool((await connection.execute(query)).scalar_one())

    async def _may_answer(self, connection: AsyncConnection, one: Appointment, by: str) -> None:
        """Staff answer for themselves and for what is nobody's yet; editors for everybody."""
        role = await rows.role_in(connection, one.company, by)
        if one.staff not in (None, by) and not rows.edits(role):
            raise AppointmentRefused("own_slots_only")

    async def _assignee(self, connection: AsyncConnection, one: Appointment, wish: _Wish) -> str:
        """Who of the company takes it: whom the act names, who has it, or who acts."""
        person = wish.staff or one.staff or wish.by
        await rows.need_colleague(connection, one.company, person)
        if person not in (wish.by, one.staff):
            role = await rows.role_in(connection, one.company, wish.by)
            if not rows.edits(role):
                raise AppointmentRefused("own_slots_only")
        return person

    async def _assign(
        self, connection: AsyncConnection, one: Appointment, person: str, *, firm: bool
    ) -> None:
        """``person``'s time instead of whoever had it. Raises AppointmentRefused(staff_busy)."""
        if person == one.staff:
            return
        now = self._now_ms()
        holder = one.slot if one.form == "group" and one.slot is not None else one.id
        if one.staff is not None:
            await busy.free(connection, holder, *([one.room] if one.room else []), of=one.staff)
        begins = max(one.starts_ms, now)
        if begins < one.ends_ms:
            await busy.take(
                connection, {person: "staff_busy"}, begins, one.ends_ms, holder, firm=firm
            )

    # --- accept --------------------------------------------------------------------------------

    async def _accept(
        self, connection: AsyncConnection, one: Appointment, side: Side, wish: _Wish
    ) -> Change:
        now = self._now_ms()
        if one.starts_ms <= now:
            raise AppointmentRefused("in_the_past")
        await self._lock_person(connection, one.visitor)
        await self._in_quota(connection, one.visitor, "confirmed", one.starts_ms, wish.zone)
        if side is Side.VISITOR:
            staff = one.staff
            if staff is None or await rows.role_in(connection, one.company, staff) is None:
                raise AppointmentRefused("staff_busy")  # whoever proposed it has left
        else:
            staff = await self._assignee(connection, one, wish)
            await self._assign(connection, one, staff, firm=True)
        agreed = replace(one, staff=staff)
        room = None
        if one.place == "online":
            room = await open_talk(
                connection, agreed, now, wish.by, Mode.ONE_TO_ONE,
                (host_of(agreed, staff), guest(one.visitor)), 2, {one.company: 1, GUEST_SIDE: 1},
            )  # fmt: skip
        await busy.make_firm(connection, one.id)
        await rows.write(
            connection, one.id, now, state=State.CONFIRMED.value, turn="", hold_until_ms=None,
            staff=staff, room=room, reminded_ms=None,
        )  # fmt: skip
        await rows.note(connection, one.id, now, wish.by, Act.ACCEPT.value, staff=staff)
        return await self._changed(connection, one, Act.ACCEPT, wish.by)

    # --- another time ----------------------------------------------------------------------------

    async def _propose(self, connection: AsyncConnection, one: Appointment, wish: _Wish) -> Change:
        """What was held is given back and the new time held on both sides, in one step."""
        now = self._now_ms()
        staff = await self._assignee(connection, one, wish)
        await busy.free(connection, one.id)
        if one.slot is not None:
            await self._leave_slot(connection, one.slot)
        slot = None
        if wish.slot is not None:
            slot = await self._take_place(connection, one.company, wish.slot)
            if slot.form != "single":
                raise AppointmentRefused("bad_form")
            if slot.place not in (one.place, "both"):
                raise AppointmentRefused("bad_place")
            if slot.staff is not None:
                staff = await self._assignee(connection, one, replace(wish, staff=slot.staff))
            starts, ends = slot.starts_ms, slot.ends_ms
        elif wish.starts_ms is None or wish.ends_ms is None:
            raise AppointmentRefused("bad_time")
        else:
            starts, ends = wish.starts_ms, wish.ends_ms
        check_times(starts, ends, now)
        table = None if one.place == "online" else (slot.table if slot else one.table) or 1
        moved = replace(one, staff=staff, starts_ms=starts, ends_ms=ends, table=table)
        wanted = {one.visitor: "visitor_busy", **self._company_side(moved)}
        await busy.take(connection, wanted, starts, ends, one.id, firm=False)
        hold = min(now + int(self._config.appointments.hold_h * HOUR_MS), starts)
        await rows.write(
            connection, one.id, now, state=State.COUNTERED.value, turn=Side.VISITOR.value,
            hold_until_ms=hold, staff=staff, slot=None if slot is None else slot.id,
            starts_ms=starts, ends_ms=ends, table_no=table, reason=wish.reason,
        )  # fmt: skip
        await rows.note(
            connection, one.id, now, wish.by, Act.PROPOSE.value, starts_ms=starts, ends_ms=ends,
            was=one.starts_ms,
        )  # fmt: skip
        return await self._changed(connection, one, Act.PROPOSE, wish.by)

    # --- hand over -------------------------------------------------------------------------------

    async def _hand_over(
        self, connection: AsyncConnection, one: Appointment, wish: _Wish
    ) -> Change:
        """To a colleague, at any time before the end: their time, their place in the talk."""
        now = self._now_ms()
        if wish.staff is None:
            raise AppointmentRefused("unknown_person")
        await rows.need_colleague(connection, one.company, wish.staff)
        if one.ends_ms <= now:
            raise AppointmentRefused("over")
        if wish.staff == one.staff:
            return Change(one, Act.HAND_OVER, ())
        await self._assign(connection, one, wish.staff, firm=one.state in AGREED)
        removed: tuple[str, ...] = ()
        added: tuple[str, ...] = ()
        if one.room is not None:
            if one.staff is not None:
                await leave_talk(connection, one.room, now, one.staff, wish.by)
                removed = (one.staff,)
            await join_talk(connection, one.room, now, host_of(one, wish.staff), wish.by)
            added = (wish.staff,)
        same = A.id == one.id
        if one.form == "group":  # the session is handed over, with all who come to it
            await connection.execute(
                sa.update(meeting_slots).where(S.id == one.slot).values(staff=wish.staff)
            )
            same = (A.slot == one.slot) & A.state.in_(rows.ACTIVE)
        await connection.execute(
            sa.update(appointments)
            .where(same)
            .values(staff=wish.staff, changed_ms=now, version=A.version + 1)
        )
        await rows.note(
            connection, one.id, now, wish.by, Act.HAND_OVER.value, staff=wish.staff,
            was=one.staff, reason=wish.reason,
        )  # fmt: skip
        changed = await self._changed(connection, one, Act.HAND_OVER, wish.by)
        people = (*changed.people, one.staff) if one.staff not in (None, wish.by) else ()
        told = tuple(p for p in dict.fromkeys((*changed.people, *people)) if p is not None)
        return replace(changed, people=told, removed=removed, added=added)

    async def _hand_round(
        self, connection: AsyncConnection, one: Appointment, wish: _Wish
    ) -> Change:
        """One company of a round sends a colleague instead of whoever it had named."""
        now = self._now_ms()
        mine = None
        for answer in one.companies:
            role = await rows.role_in(connection, answer.company, wish.by)
            if answer.state == "accepted" and role is not None:
                mine = answer
                if answer.staff != wish.by and not rows.edits(role):
                    raise AppointmentRefused("own_slots_only")
        if mine is None:
            raise AppointmentRefused("unknown_appointment")
        if one.state.value not in rows.ACTIVE or one.ends_ms <= now:
            raise AppointmentRefused("over")
        if wish.staff is None:
            raise AppointmentRefused("unknown_person")
        await rows.need_colleague(connection, mine.company, wish.staff)
        if wish.staff == mine.staff:
            return Change(one, Act.HAND_OVER, ())
        now_theirs = replace(one, staff=mine.staff)
        await self._assign(connection, now_theirs, wish.staff, firm=one.state in AGREED)
        if one.room is not None:
            role_there = Role.HOST if mine.company == one.company else Role.PARTICIPANT
            if mine.staff is not None:
                await leave_talk(connection, one.room, now, mine.staff, wish.by)
            place = Belonging(wish.staff, mine.company, role_there)
            await join_talk(connection, one.room, now, place, wish.by)
        await connection.execute(
            sa.update(round_companies)
            .where(R.appointment == one.id, R.company == mine.company)
            .values(staff=wish.staff, changed_ms=now)
        )
        own = {"staff": wish.staff} if mine.company == one.company else {}
        await rows.write(connection, one.id, now, **own)
        await rows.note(
            connection, one.id, now, wish.by, Act.HAND_OVER.value, staff=wish.staff,
            was=mine.staff, company=mine.company,
        )  # fmt: skip
        changed = await self._changed(connection, one, Act.HAND_OVER, wish.by)
        there = one.room is not None
        return replace(
            changed,
            removed=(mine.staff,) if there and mine.staff is not None else (),
            added=(wish.staff,) if there else (),
        )

    # --- nobody came --------------------------------------------------------------------------

    async def _miss(self, connection: AsyncConnection, one: Appointment, wish: _Wish) -> Change:
        """On site nobody counts who comes: the company says that its visitor did not."""
        now = self._now_ms()
        if one.starts_ms > now:
            raise AppointmentRefused("not_begun")
        if one.place != "on_site":
            raise AppointmentRefused("bad_form")
        await self._over(connection, one, State.NO_SHOW, now, company_came_ms=one.starts_ms)
        await rows.note(connection, one.id, now, wish.by, Act.MISS.value, absent=["visitor"])
        return await self._changed(connection, one, Act.MISS, wish.by)

    async def _over(
        self, connection: AsyncConnection, one: Appointment, state: State, ended_ms: int,
        **values: int | None,
    ) -> None:  # fmt: skip
        """It took place, or did not; time that is left of it is free again."""
        await busy.free_from(connection, ended_ms, one.id)
        await rows.write(
            connection, one.id, self._now_ms(), state=state.value, turn="", ended_ms=ended_ms,
            **values,
        )  # fmt: skip

    async def _changed(
        self, connection: AsyncConnection, was: Appointment, act: Act, by: str
    ) -> Change:
        after = await rows.read(connection, was.id)
        assert after is not None
        added = tuple(p for p in (after.visitor, after.staff) if p) if after.room else ()
        told = await self._concerned(connection, after)
        return Change(
            after, act, tuple(p for p in told if p != by),
            added=added if act is Act.ACCEPT else (),
        )  # fmt: skip

    async def _end_round(
        self, connection: AsyncConnection, one: Appointment, act: Act, after: State, wish: _Wish
    ) -> Change:
        changed = await self._end(connection, one, act, after, wish.by, wish.reason)
        await connection.execute(
            sa.update(round_companies)
            .where(R.appointment == one.id, R.state == "invited")
            .values(state="declined", changed_ms=self._now_ms())
        )
        return changed
