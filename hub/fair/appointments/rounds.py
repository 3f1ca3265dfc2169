"""Rounds: talks of several companies, which take place when all answered and two accepted."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import busy, rows
from hub.fair.appointments.acting import Acts
from hub.fair.appointments.asking import HOUR_MS
from hub.fair.appointments.ending import open_talk
from hub.fair.appointments.rows import R
from hub.fair.appointments.times import check_times
from hub.fair.engine import transaction
from hub.fair.tables import companies, round_companies
from hub.ports.appointments import (
    ROUND_MAX,
    ROUND_SEATS_MAX,
    Appointment,
    AppointmentRefused,
    Change,
    RoundDraft,
)
from hub.ports.talks import Belonging
from rooms.appointments import Act, State, round_state
from rooms.model import Mode, Role


class Rounds(Acts):
    """Many-to-many rounds of ``hub.ports.appointments.Appointments``."""

    async def propose_round(
        self, company: str, by: str, draft: RoundDraft, zone: ZoneInfo
    ) -> Change:
        now = self._now_ms()
        if company not in draft.seats or not 2 <= len(draft.seats) <= ROUND_MAX:
            raise AppointmentRefused("too_many_companies")
        if any(not 1 <= seats <= ROUND_SEATS_MAX for seats in draft.seats.values()):
            raise AppointmentRefused("capacity")
        check_times(draft.starts_ms, draft.ends_ms, now)
        async with transaction(self._engine) as connection:
            await self._lock_person(connection, by)
            if await rows.role_in(connection, company, by) is None:
                raise AppointmentRefused("not_yours")
            known = sa.select(companies.c.slug).where(
                companies.c.slug.in_(draft.seats), companies.c.published.is_(True)
            )
            if set((await connection.execute(known)).scalars()) | {company} != set(draft.seats):
                raise AppointmentRefused("unknown_company")
            await self._in_quota(connection, by, "pending", draft.starts_ms, zone)
            one = self._of_draft(company, by, draft, now)
            await self._insert(connection, one)
            await connection.execute(
                sa.insert(round_companies),
                [
                    {
                        "appointment": one.id, "company": slug, "seats": seats,
                        "staff": by if slug == company else None,
                        "state": "accepted" if slug == company else "invited",
                        "changed_ms": now,
                    }
                    for slug, seats in draft.seats.items()
                ],
            )  # fmt: skip
            await busy.take(
                connection, {by: "staff_busy"}, one.starts_ms, one.ends_ms, one.id, firm=False
            )
            await rows.note(connection, one.id, now, by, "ask", companies=sorted(draft.seats))
            changed = await self._changed(connection, one, Act.PROPOSE, by)
            return replace(changed, act="ask")

    def _of_draft(self, company: str, by: str, draft: RoundDraft, now: int) -> Appointment:
        hold = min(now + int(self._config.appointments.hold_h * HOUR_MS), draft.starts_ms)
        return Appointment(
            id=rows.new_id(), form="round", slot=None, company=company, company_name="", names={},
            booth=None, visitor=by, visitor_name="", visitor_organisation=None, staff=by,
            staff_name=None, subject=draft.subject, note=draft.note, place="online", table=None,
            starts_ms=draft.starts_ms, ends_ms=draft.ends_ms, state=State.PENDING,
            turn="company", hold_until_ms=hold, reason=None, room=None, visitor_came_ms=None,
            company_came_ms=None, ended_ms=None, created_ms=now, changed_ms=now, version=1,
        )  # fmt: skip

    async def answer_round(
        self, appointment: str, company: str, by: str, accept: bool, *, staff: str | None = None
    ) -> Change:
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            one = await rows.hold(connection, appointment)
            answer = next((c for c in one.companies if c.company == company), None)
            role = await rows.role_in(connection, company, by)
            if answer is None or role is None:
                raise AppointmentRefused("unknown_appointment")
            lapsed = one.hold_until_ms is not None and one.hold_until_ms <= now
            if one.state is not State.PENDING or lapsed:
                raise AppointmentRefused("not_asked" if one.state is State.CONFIRMED else "over")
            if answer.state != "invited":
                raise AppointmentRefused("not_asked")
            person = None
            if accept:
                person = staff or by
                if person != by and not rows.edits(role):
                    raise AppointmentRefused("own_slots_only")
                await rows.need_colleague(connection, company, person)
                await busy.take(
                    connection, {person: "staff_busy"}, one.starts_ms, one.ends_ms, one.id,
                    firm=False,
                )  # fmt: skip
            state = "accepted" if accept else "declined"
            await connection.execute(
                sa.update(round_companies)
                .where(R.appointment == one.id, R.company == company)
                .values(state=state, staff=person, changed_ms=now)
            )
            act = Act.ACCEPT if accept else Act.DECLINE
            await rows.note(connection, one.id, now, by, act.value, company=company, staff=person)
            return await self._decided(connection, one, act, by)

    async def _decided(
        self, connection: AsyncConnection, one: Appointment, act: Act, by: str
    ) -> Change:
        answers = await self._answers(connection, one.id)
        state = round_state([answer.state for answer in answers])
        if state is State.DECLINED:
            return await self._end(connection, one, act, state, by)
        if state is State.CONFIRMED:
            await self._confirm(connection, one, by)
        else:
            await rows.write(connection, one.id, self._now_ms())
        changed = await self._changed(connection, one, act, by)
        if state is not State.CONFIRMED:
            return Change(changed.appointment, act, changed.people)
        joined = tuple(answer.staff for answer in answers if answer.state == "accepted")
        return Change(changed.appointment, act, changed.people, added=joined)

    async def _confirm(self, connection: AsyncConnection, one: Appointment, by: str) -> None:
        """The room with each company's seats. Who proposed it runs the talk."""
        now = self._now_ms()
        accepted = [
            answer
            for answer in await self._answers(connection, one.id)
            if answer.state == "accepted"
        ]
        sides = {answer.company: answer.seats for answer in accepted}
        members = [
            Belonging(
                answer.staff, answer.company,
                Role.HOST if answer.company == one.company else Role.PARTICIPANT,
            )
            for answer in accepted
            if answer.staff is not None
        ]  # fmt: skip
        room = await open_talk(
            connection, one, now, by, Mode.MANY_TO_MANY, members, sum(sides.values()), sides
        )
        await busy.make_firm(connection, one.id)
        await rows.write(
            connection, one.id, now, state=State.CONFIRMED.value, turn="", hold_until_ms=None,
            room=room, reminded_ms=None,
        )  # fmt: skip
