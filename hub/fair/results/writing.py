"""Writing a result and confirming it.

Every act takes the result's row first (``hold``), so that acts on one result come one after the
other on any number of hubs; what is then asked of it stays so until the transaction ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.results import attachments, telling
from hub.fair.results.rows import (
    COLUMNS,
    columns,
    content,
    content_of,
    file_columns,
    one,
    parties_of,
    record,
)
from hub.fair.results.standing import member, place, positions
from hub.fair.tables import (
    companies,
    company_staff,
    result_parties,
    result_versions,
    results,
    talks,
)
from hub.ports.results import (
    RESULTS_MAX,
    VERSIONS_MAX,
    Attachment,
    PartyDraft,
    Place,
    Result,
    ResultDraft,
    ResultRefused,
    Upload,
)
from hub.ports.talks import GUEST_SIDE
from rooms.results import NEXT, Act, State, digest, missing_sides


async def hold(connection: AsyncConnection, id: str) -> Result:
    """The result, nobody else's to act on until the transaction ends. Raises
    ResultRefused(unknown_result)."""
    held = sa.update(results).where(results.c.id == id).values(id=results.c.id)
    row = (await connection.execute(held.returning(*COLUMNS))).mappings().one_or_none()
    if row is None:
        raise ResultRefused("unknown_result")
    return record(row, (await parties_of(connection, [id]))[id])


def need(found: Result, act: Act) -> State:
    """Where ``act`` leads. Raises ResultRefused(wrong_state)."""
    after = NEXT[found.state].get(act)
    if after is None:
        raise ResultRefused("wrong_state")
    return after


async def need_writer(
    connection: AsyncConnection, found: Result, by: str, organiser: bool
) -> Place | None:
    """Members write what is of their talk, the organiser what is of none. Raises
    ResultRefused(unknown_result)."""
    there = None if found.room is None else await place(connection, found.room, by)
    if there is None and not (organiser and found.room is None):
        raise ResultRefused("unknown_result")
    return there


async def resolved(
    connection: AsyncConnection,
    draft: ResultDraft,
    there: Place | None,
    known: Collection[str] = (),
) -> tuple[PartyDraft, ...]:
    """The parties with the names and countries that companies' pages give. ``known``: companies
    that are taken although their page is not published. Raises ResultRefused: unknown_company,
    unknown_person, sides_missing."""
    wanted = {party.company for party in draft.parties if party.company is not None}
    c = companies.c
    rows = await connection.execute(
        sa.select(c.slug, c.name, c.country, c.published).where(c.slug.in_(wanted))
    )
    sides = {} if there is None else dict(there.sides)
    found = {row.slug: row for row in rows if row.published or row.slug in {*sides, *known}}
    people = {person for side in sides.values() for person in side}
    out = []
    for party in draft.parties:
        if party.company is not None:
            row = found.get(party.company)
            if row is None:
                raise ResultRefused("unknown_company")
            out.append(PartyDraft(row.name, row.country, row.slug))
            continue
        if party.person is not None and party.person not in people:
            raise ResultRefused("unknown_person")
        out.append(party)
    if missing_sides([(party.company, party.person) for party in out], sides, GUEST_SIDE):
        raise ResultRefused("sides_missing")
    return tuple(out)


def _same(party: Any, before: Any) -> bool:
    return (party.company, party.name, party.country, party.person) == (
        before.company, before.name, before.country, before.person,
    )  # fmt: skip


async def put_parties(
    connection: AsyncConnection, id: str, parties: Collection[PartyDraft]
) -> None:
    """In place of those there were; one that was there before keeps what it confirmed, which is
    a version that is not the newest any more."""
    p = result_parties.c
    before = list(await connection.execute(sa.select(result_parties).where(p.result == id)))
    await connection.execute(sa.delete(result_parties).where(p.result == id))
    rows = []
    kept = (
        "confirmed_version", "confirmed_digest", "confirmed_by", "confirmed_ms", "organiser",
        "paper_note", "asked_ms",
    )  # fmt: skip
    for position, party in enumerate(parties):
        old = next((row for row in before if _same(party, row)), None)
        carried = {name: None if old is None else getattr(old, name) for name in kept}
        rows.append(
            {
                **carried,
                "organiser": bool(carried["organiser"]),
                "result": id,
                "position": position,
                "name": party.name,
                "country": party.country,
                "company": party.company,
                "person": party.person,
            }
        )
    await connection.execute(sa.insert(result_parties), rows)


async def put_version(
    connection: AsyncConnection, id: str, version: int, at_ms: int, by: str, said: Mapping[str, Any]
) -> None:
    await connection.execute(
        sa.insert(result_versions).values(
            result=id, version=version, at_ms=at_ms, by=by, content=dict(said)
        )
    )


class Writing(Part):
    """The writing half of ``hub.ports.results.Results``."""

    async def _reread(self, connection: AsyncConnection, id: str) -> Result:
        found = await one(connection, id)
        if found is None:
            raise ResultRefused("unknown_result")
        return found

    async def create(
        self, draft: ResultDraft, by: str, *, room: str | None = None,
        upload: Upload | None = None,
    ) -> Result:  # fmt: skip
        id, now = uuid.uuid4().hex, self._now_ms()
        attachment, sealed = None, None
        if upload is not None:
            attachment, sealed = await attachments.prepare(self._keys, id, upload)
        async with transaction(self._engine) as connection:
            there = None
            if room is not None:
                there = await self._room_for_one(connection, room, by)
            parties = await resolved(connection, draft, there)
            said = content(draft, parties, attachment)
            await connection.execute(
                sa.insert(results).values(
                    id=id, room=room, **columns(draft), **file_columns(attachment),
                    state=State.DRAFT.value, version=1, digest=digest(said), by=by,
                    created_ms=now, changed_ms=now,
                )
            )  # fmt: skip
            await put_parties(connection, id, parties)
            await put_version(connection, id, 1, now, by, said)
            if sealed is not None:
                await attachments.keep(connection, id, sealed)
            return await self._reread(connection, id)

    async def _room_for_one(self, connection: AsyncConnection, room: str, by: str) -> Place:
        """Raises ResultRefused: unknown_result, too_many."""
        r = results.c
        # Whoever belongs to the talk alone gets its row: two cannot count at once.
        held = sa.update(talks).where(talks.c.room == room, member(room, by))
        await connection.execute(held.values(room=talks.c.room))
        there = await place(connection, room, by)
        if there is None:
            raise ResultRefused("unknown_result")
        count = (
            sa.select(sa.func.count())
            .select_from(results)
            .where(r.room == room, r.state != State.WITHDRAWN.value)
        )
        if (await connection.execute(count)).scalar_one() >= RESULTS_MAX:
            raise ResultRefused("too_many")
        return there

    async def change(
        self, id: str, version: int, draft: ResultDraft, by: str, *, organiser: bool = False,
        upload: Upload | None = None, keep_attachment: bool = True,
    ) -> Result:  # fmt: skip
        attachment, sealed = None, None
        if upload is not None:
            attachment, sealed = await attachments.prepare(self._keys, id, upload)
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            there = await need_writer(connection, found, by, organiser)
            if found.version != version:
                raise ResultRefused("changed")
            after = need(found, Act.CHANGE)
            if upload is None and keep_attachment:
                attachment = found.attachment
            known = [party.company for party in found.parties if party.company]
            parties = await resolved(connection, draft, there, known)
            return await self._put(
                connection, found, draft, parties, attachment, by, after,
                sealed=sealed, new_file=attachment != found.attachment,
            )  # fmt: skip

    async def _put(
        self, connection: AsyncConnection, found: Result, draft: ResultDraft,
        parties: tuple[PartyDraft, ...], attachment: Attachment | None, by: str, after: State, *,
        sealed: bytes | None = None, new_file: bool = False,
    ) -> Result:  # fmt: skip
        """The next version of what is held; nothing when it says the same. Raises
        ResultRefused(too_many)."""
        said, now = content(draft, parties, attachment), self._now_ms()
        stand_in = [party.person for party in parties] == [party.person for party in found.parties]
        if said == content_of(found) and stand_in:
            return found
        if found.version >= VERSIONS_MAX:
            raise ResultRefused("too_many")
        r = results.c
        await connection.execute(
            sa.update(results)
            .where(r.id == found.id)
            .values(
                **columns(draft), **file_columns(attachment), state=after.value,
                version=found.version + 1, digest=digest(said), changed_ms=now,
                release_ms=r.release_ms if found.state is State.RELEASED else None,
            )
        )  # fmt: skip
        await put_parties(connection, found.id, parties)
        await put_version(connection, found.id, found.version + 1, now, by, said)
        if new_file:
            await attachments.keep(connection, found.id, sealed)
        changed = await self._reread(connection, found.id)
        if after is State.CONFIRMING:
            await telling.ask(connection, self._config, now, changed)
        return await self._reread(connection, found.id)

    async def submit(self, id: str, version: int, by: str, *, organiser: bool = False) -> Result:
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            there = await need_writer(connection, found, by, organiser)
            if found.version != version:
                raise ResultRefused("changed")
            after = need(found, Act.SUBMIT)
            if there is not None:  # somebody may have joined since it was written
                named = [(party.company, party.person) for party in found.parties]
                if missing_sides(named, there.sides, GUEST_SIDE):
                    raise ResultRefused("sides_missing")
            await self._state(connection, id, after, now)
            asked = await self._reread(connection, id)
            await telling.ask(connection, self._config, now, asked)
            return await self._reread(connection, id)

    async def _state(
        self, connection: AsyncConnection, id: str, after: State, now: int, **values: Any
    ) -> None:
        await connection.execute(
            sa.update(results)
            .where(results.c.id == id)
            .values(state=after.value, changed_ms=now, **values)
        )

    # --- confirming ---

    async def confirm(self, id: str, version: int, digest: str, person: str) -> Result:
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            mine = await positions(connection, id, person)
            if not mine:
                await need_writer(connection, found, person, False)
                raise ResultRefused("not_a_party")
            return await self._confirm(connection, found, version, digest, mine, person, None)

    async def _confirm(
        self, connection: AsyncConnection, found: Result, version: int, digest: str,
        mine: Collection[int], by: str, note: str | None,
    ) -> Result:  # fmt: skip
        """``note``: on paper, by the organiser."""
        if (version, digest) != (found.version, found.digest):
            raise ResultRefused("changed")
        open_ = [p for p in mine if not found.confirmed(found.parties[p])]
        if not open_ and found.state in (State.CONFIRMING, State.CONFIRMED, State.RELEASED):
            return found
        after, now = need(found, Act.CONFIRM), self._now_ms()
        p = result_parties.c
        await connection.execute(
            sa.update(result_parties)
            .where(p.result == found.id, p.position.in_(open_))
            .values(
                confirmed_version=version, confirmed_digest=digest, confirmed_by=by,
                confirmed_ms=now, organiser=note is not None, paper_note=note,
            )
        )  # fmt: skip
        done = {party.position for party in found.missing} <= set(open_)
        await self._state(connection, found.id, after if done else found.state, now)
        return await self._reread(connection, found.id)

    async def paper(
        self, id: str, version: int, digest: str, position: int, note: str, by: str
    ) -> Result:
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            if found.state is State.DRAFT and found.room is not None:
                raise ResultRefused("unknown_result")
            if not 0 <= position < len(found.parties):
                raise ResultRefused("not_a_party")
            company = found.parties[position].company
            if company is not None:
                staff = sa.select(sa.exists().where(company_staff.c.company == company))
                if (await connection.execute(staff)).scalar_one():
                    raise ResultRefused("not_on_paper")
            return await self._confirm(connection, found, version, digest, [position], by, note)

    async def withdraw_draft(self, id: str, by: str, *, organiser: bool = False) -> Result:
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            await need_writer(connection, found, by, organiser)
            if found.state is State.RELEASED:
                raise ResultRefused("wrong_state")
            after, now = need(found, Act.WITHDRAW), self._now_ms()
            await self._state(connection, id, after, now, withdrawn_ms=now, release_ms=None)
            return await self._reread(connection, id)
