"""Publishing: now or at a time, once; correcting and taking back with a note.

What is published is findable from the same transaction on, and no longer from the one on that
takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hub.fair import search
from hub.fair.engine import transaction
from hub.fair.results import attachments, telling
from hub.fair.results.rows import COLUMNS, content_of, records
from hub.fair.results.writing import Writing, hold, need, resolved
from hub.fair.tables import result_corrections, results
from hub.fair.webhooks.outbox import Outbox, Told, iso
from hub.ports.results import (
    RELEASE_MAX,
    Party,
    PartyDraft,
    Result,
    ResultDraft,
    ResultRefused,
    Upload,
)
from rooms.results import Act, State

KIND: Final = "result"


def entry(one: Result) -> search.Entry:
    """What a published result is found by."""
    names = [party.name for party in one.parties]
    return search.Entry(one.id, tuple(one.titles.values()), (*names, *one.texts.values()))


def _as_it_was(now: PartyDraft, was: Mapping[tuple[str, str], Party]) -> PartyDraft:
    before = was.get((now.company or "", now.name if now.company is None else ""))
    if before is None:
        return now
    if now.company is None:
        return replace(now, person=before.person)
    return PartyDraft(before.name, before.country, before.company)


class Releasing(Writing):
    """The organiser's half of ``hub.ports.results.Results``."""

    def __init__(self, *made: Any, outbox: Outbox | None = None) -> None:
        super().__init__(*made)
        self._outbox = outbox

    async def release(self, ids: Sequence[str], zone: str) -> tuple[str, ...]:
        wanted = list(ids)[:RELEASE_MAX]
        return await self._release(results.c.id.in_(wanted), zone) if wanted else ()

    async def release_due(self, zone: str) -> tuple[str, ...]:
        r = results.c
        due = sa.and_(r.state == State.CONFIRMED.value, r.release_ms <= self._now_ms())
        first = sa.select(r.id).where(due).limit(1)
        async with transaction(self._engine) as connection:
            if (await connection.execute(first)).one_or_none() is None:
                return ()  # most often: without a write
        return await self._release(due, zone)

    async def _release(self, which: sa.ColumnElement[bool], zone: str) -> tuple[str, ...]:
        now, r = self._now_ms(), results.c
        today = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(zone)).date()
        taken = sa.select(r.id).where(which).order_by(r.id).limit(RELEASE_MAX).with_for_update()
        async with transaction(self._engine) as connection:
            rows = await connection.execute(
                sa.update(results)
                # The state again: of two hubs that saw the same row the second finds it moved.
                .where(r.id.in_(taken), which, r.state == State.CONFIRMED.value)
                .values(
                    state=State.RELEASED.value, released_ms=now, changed_ms=now,
                    released_on=today.isoformat(),
                )
                .returning(r.id)
            )  # fmt: skip
            ids = sorted(rows.scalars())
            published = await records(connection, sa.select(*COLUMNS).where(r.id.in_(ids)))
            await search.index(connection, KIND, [entry(one) for one in published])
            for one in published:
                await telling.tell(connection, self._config, now, one, "result_released")
            if self._outbox is not None:
                await self._outbox.add(connection, [self._told(one) for one in published])
        return tuple(ids)

    def _told(self, one: Result) -> Told:
        payload = {
            "result": one.id,
            "kind": one.kind,
            "sector": one.sector,
            "titles": dict(one.titles),
            "parties": [
                {"name": party.name, "country": party.country, "company": party.company}
                for party in one.parties
            ],
            "signed_on": one.signed_on,
            "released_at": iso(one.released_ms or 0),
            "url": f"{self._config.public_url}/results/{one.id}",
        }
        return Told("result.released", None, payload, f"result.released:{one.id}")

    async def schedule(self, ids: Sequence[str], at_ms: int | None) -> tuple[str, ...]:
        r = results.c
        wanted = list(ids)[:RELEASE_MAX]
        taken = sa.select(r.id).where(r.id.in_(wanted)).order_by(r.id).with_for_update()
        set_ = (
            sa.update(results)
            .where(r.id.in_(taken), r.state == State.CONFIRMED.value)
            .values(release_ms=at_ms, changed_ms=self._now_ms())
            .returning(r.id)
        )
        async with transaction(self._engine) as connection:
            return tuple(sorted((await connection.execute(set_)).scalars()))

    async def correct(
        self, id: str, version: int, draft: ResultDraft, notes: Mapping[str, str], by: str, *,
        upload: Upload | None = None, keep_attachment: bool = True,
    ) -> Result:  # fmt: skip
        attachment, sealed = None, None
        if upload is not None:
            attachment, sealed = await attachments.prepare(self._keys, id, upload)
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            if found.version != version:
                raise ResultRefused("changed")
            after = need(found, Act.CORRECT)
            known = [party.company for party in found.parties if party.company]
            named = tuple(replace(party, person=None) for party in draft.parties)
            parties = await resolved(connection, replace(draft, parties=named), None, known)
            # Who stands for a party is not the organiser's to change, and a company is called
            # what it was called when it confirmed: the same party keeps both.
            was = {(p.company or "", p.name if p.company is None else ""): p for p in found.parties}
            parties = tuple(_as_it_was(one, was) for one in parties)
            if upload is None and keep_attachment:
                attachment = found.attachment
            changed = await self._put(
                connection, found, draft, parties, attachment, by, after,
                sealed=sealed, new_file=attachment != found.attachment,
            )  # fmt: skip
            if changed.version == found.version:
                return found
            await connection.execute(
                sa.insert(result_corrections).values(
                    result=id, version=changed.version, at_ms=changed.changed_ms, by=by,
                    notes=dict(notes), before=content_of(found),
                )
            )  # fmt: skip
            await search.index(connection, KIND, [entry(changed)])
            await telling.tell(
                connection, self._config, changed.changed_ms, changed, "result_corrected",
                notes=notes,
            )  # fmt: skip
            return changed

    async def withdraw(self, id: str, notes: Mapping[str, str], by: str) -> Result:
        async with transaction(self._engine) as connection:
            found = await hold(connection, id)
            if found.state is State.DRAFT and found.room is not None:
                raise ResultRefused("unknown_result")
            after, now = need(found, Act.WITHDRAW), self._now_ms()
            await self._state(
                connection, id, after, now, withdrawn_ms=now, release_ms=None,
                withdrawn_notes=dict(notes),
            )  # fmt: skip
            await search.unindex(connection, KIND, [id])
            if found.state is not State.DRAFT:
                await telling.tell(
                    connection, self._config, now, found, "result_withdrawn", notes=notes
                )
            return await self._reread(connection, id)
