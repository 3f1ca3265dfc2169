"""Conferences and rooms from a sheet: 500 conferences, with the rooms they are in.

A conference that names no room gets one of its own, called like it; a room that is named and
not there is made, with the capacity of its row. Two conferences never overlap in one room.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.conferences.changes import entry_of
from hub.fair.conferences.rows import SELECT, values_of, with_speakers
from hub.fair.imports import values
from hub.fair.imports.companies import slug_for
from hub.fair.imports.plan import Context, Fault, Outcome, Record, fault
from hub.fair.imports.values import Bad
from hub.fair.search import index
from hub.fair.tables import companies, conferences, people, rooms, speakers
from hub.ports.programme import Draft, Speaker
from rooms.model import RoomSpec

_CAPACITY: Final = 100
_SPEAKERS_MAX: Final = 30
_HOST: Final = re.compile(r"(?:host|主持人|主持)\s*[:：]\s*", re.IGNORECASE)
_MAIL: Final = re.compile(r"\s*<([^<>]+)>\s*$")
_PLAIN: Final = ("title", "kind", "capacity", "reserved", "guests", "waitlist")
_TIMES: Final = {"opens": "opens_at", "closes": "closes_at"}


def speakers_of(text: str) -> list[tuple[Speaker, str | None]]:
    """``Name <e-mail>; organisation; position | host: …`` as speakers, with the e-mail address
    as compared where one is given. Raises Bad."""
    found = []
    for part in re.split(r"[|\n]", text):
        if not part.strip():
            continue
        words = [word.strip() for word in re.split("[;；]", part.strip())]
        role: Any = "speaker"
        if mark := _HOST.match(words[0]):
            role, words[0] = "host", words[0][mark.end() :]
        address = None
        if mail := _MAIL.search(words[0]):
            address, words[0] = values.email(mail[1])[1], words[0][: mail.start()]
        if len(words) > 3 or not words[0].strip():
            raise Bad("bad_format")
        words += [""] * (3 - len(words))
        one = Speaker(
            name=values.line(64)(words[0].strip()),
            role=role,
            organisation=values.line(120)(words[1]) or None,
            position=values.line(80)(words[2]) or None,
        )
        found.append((one, address))
    if len(found) > _SPEAKERS_MAX:
        raise Bad("too_many")
    return found


class _Programme:
    """All that a batch of conferences is held against, kept in step as it grows."""

    def __init__(self) -> None:
        self.drafts: dict[str, Draft] = {}
        self.by_key: dict[str, str] = {}
        self.by_title: dict[tuple[str, int], str] = {}
        self.rooms: set[str] = set()
        self.companies: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.in_room: dict[str, dict[str, tuple[int, int]]] = {}

    async def load(self, connection: AsyncConnection, records: Sequence[Record]) -> None:
        for one in await with_speakers(connection, (await connection.execute(SELECT)).all()):
            self.take(one.draft)
        self.rooms = set((await connection.execute(select(rooms.c.slug))).scalars())
        named = [record["company"] for record in records if "company" in record]
        found = await connection.execute(
            select(companies.c.slug, companies.c.name).where(
                or_(companies.c.slug.in_(named), companies.c.name.in_(named))
            )
        )
        for slug, name in found:
            self.companies.setdefault(name, slug)
            self.companies[slug] = slug
        mails = []
        for record in records:
            try:
                mails += [mail for _, mail in speakers_of(record.get("speakers", "")) if mail]
            except Bad:
                continue  # said of its row by ``read_speakers``
        rows = await connection.execute(
            select(people.c.email_key, people.c.id).where(people.c.email_key.in_(mails))
        )
        self.people = {row.email_key: row.id for row in rows}

    def take(self, draft: Draft) -> None:
        before = self.drafts.get(draft.slug)
        if before is not None:
            self.in_room.get(before.room, {}).pop(draft.slug, None)
        self.drafts[draft.slug] = draft
        self.by_title[draft.title, draft.starts_ms] = draft.slug
        if draft.external_key is not None:
            self.by_key[draft.external_key] = draft.slug
        if not draft.cancelled:
            self.in_room.setdefault(draft.room, {})[draft.slug] = (draft.starts_ms, draft.ends_ms)

    def find(self, record: Record) -> Draft | None:
        key, slug = record.get("external_key"), record.get("slug")
        found = self.by_key.get(key) if key is not None else None
        if found is None and slug is not None:
            found = slug
        elif found is None:
            found = self.by_title.get((record["title"], record["starts"]))
        return self.drafts.get(found) if found is not None else None

    def new_slug(self, record: Record) -> str:
        if "slug" in record:
            return str(record["slug"])
        slug, other = slug_for(record["title"], record.get("external_key") or record["starts"])
        return other if slug in self.drafts or slug in self.rooms else slug

    def clash(self, draft: Draft) -> str | None:
        for slug, (start, end) in self.in_room.get(draft.room, {}).items():
            if slug != draft.slug and start < draft.ends_ms and draft.starts_ms < end:
                return slug
        return None

    def read_speakers(self, text: str) -> tuple[Speaker, ...]:
        """Raises Bad."""
        found = []
        for one, mail in speakers_of(text):
            if mail is not None and mail not in self.people:
                raise Bad("unknown")
            found.append(replace(one, person=self.people[mail]) if mail else one)
        return tuple(found)

    def draft(self, record: Record, before: Draft | None) -> tuple[Draft, list[Fault]]:
        """What the record makes of ``before``."""
        faults = []
        slug = before.slug if before else self.new_slug(record)
        if before is not None and "slug" in record and record["slug"] != slug:
            faults.append(fault("slug", "not_changeable", record["slug"]))
        company = before.company if before else None
        if "company" in record:
            company = self.companies.get(record["company"])
            if company is None:
                faults.append(fault("company", "unknown", record["company"]))
        people_on_stage = before.speakers if before else ()
        try:
            if "speakers" in record:
                people_on_stage = self.read_speakers(record["speakers"])
        except Bad as bad:
            faults.append(fault("speakers", bad.code, record["speakers"]))
        draft = Draft(
            slug=slug,
            room=record.get("room") or (before.room if before else slug),
            title=record["title"],
            sector=record["sector"],
            starts_ms=record["starts"],
            ends_ms=record["ends"],
            titles={**(before.titles if before else {}), **_texts(record, "title")},
            about={**(before.about if before else {}), **_texts(record, "about")},
            languages=tuple(record.get("languages", before.languages if before else ())),
            company=company,
            speakers=people_on_stage,
            cancelled=before.cancelled if before else False,
            external_key=record.get("external_key", before.external_key if before else None),
        )
        other = self.clash(draft)
        if other is not None and not draft.cancelled:
            faults.append(fault("room", "room_taken", other))
        return draft, faults


def _texts(record: Record, stem: str) -> dict[str, str]:
    tags = {"en": "en", "zh": "zh-Hans"}
    return {
        tag: record[f"{stem}_{short}"] for short, tag in tags.items() if f"{stem}_{short}" in record
    }


async def apply_conferences(
    connection: AsyncConnection,
    records: Sequence[Record],
    context: Context,
    now_ms: int,
    *,
    write: bool,
) -> Outcome:
    """Conferences with their speakers, and rooms that are missing."""
    if write and connection.dialect.name == "postgresql":
        # Whoever plans by hand locks the row of a room; a batch may touch all of them.
        await connection.execute(select(rooms.c.slug).order_by(rooms.c.slug).with_for_update())
    programme = _Programme()
    await programme.load(connection, records)
    refused: dict[int, list[Fault]] = {}
    new: list[Draft] = []
    changed: list[Draft] = []
    made: list[dict[str, Any]] = []
    unchanged = 0
    for index_, record in enumerate(records):
        before = programme.find(record)
        draft, faults = programme.draft(record, before)
        if faults:
            refused[index_] = faults
            continue
        if before is not None and draft == before:
            unchanged += 1
            continue
        if draft.room not in programme.rooms:
            programme.rooms.add(draft.room)
            title = draft.title if draft.room == draft.slug else record["room"]
            made.append(_room(draft.room, title, record.get("capacity", _CAPACITY)))
        programme.take(draft)
        (new if before is None else changed).append(draft)
    if write:
        await _insert_rooms(connection, made, now_ms)
        await _write(connection, new, changed, now_ms)
    return Outcome(len(new), len(changed), unchanged, refused)


async def _write(
    connection: AsyncConnection, new: list[Draft], changed: list[Draft], now_ms: int
) -> None:
    if new:
        rows = [
            {**values_of(draft), "created_ms": now_ms, "changed_ms": now_ms, "version": 1}
            for draft in new
        ]
        await connection.execute(insert(conferences), rows)
    for draft in changed:
        await connection.execute(
            update(conferences)
            .where(conferences.c.slug == draft.slug)
            .values(**values_of(draft), changed_ms=now_ms, version=conferences.c.version + 1)
        )
    slugs = [draft.slug for draft in changed]
    if slugs:
        await connection.execute(delete(speakers).where(speakers.c.conference.in_(slugs)))
    rows = [
        {
            "conference": draft.slug, "ordinal": place, "person": one.person, "role": one.role,
            "name": one.name, "organisation": one.organisation, "position": one.position,
        }
        for draft in (*new, *changed)
        for place, one in enumerate(draft.speakers)
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(speakers), rows)
    await index(connection, "conference", [entry_of(draft) for draft in (*new, *changed)])


# --- rooms --------------------------------------------------------------------------------


def _room(slug: str, title: str, capacity: int, **more: Any) -> dict[str, Any]:
    spec = RoomSpec(slug=slug, title=title, capacity=capacity, **more)
    row = {field: getattr(spec, field) for field in spec.__struct_fields__}
    return {**row, "kind": str(getattr(spec.kind, "value", spec.kind)), "mode": None}


async def _insert_rooms(
    connection: AsyncConnection, rows: list[dict[str, Any]], now_ms: int
) -> None:
    if rows:
        await connection.execute(
            insert(rooms), [{**row, "version": 1, "created_ms": now_ms} for row in rows]
        )


async def apply_rooms(
    connection: AsyncConnection,
    records: Sequence[Record],
    context: Context,
    now_ms: int,
    *,
    write: bool,
) -> Outcome:
    """Rooms by slug, or by their title where no slug is given."""
    there = await _rooms_there(connection, records)
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    refused: dict[int, list[Fault]] = {}
    unchanged = 0
    for place, record in enumerate(records):
        slug = record.get("slug") or slug_for(record["title"], "room")[0]
        given: dict[str, Any] = {name: record[name] for name in _PLAIN if name in record}
        given |= {column: record[name] for name, column in _TIMES.items() if name in record}
        if "chat" in record:
            given["chat"] = "on" if record["chat"] else "off"
        before = there.get(slug)
        if before is None:
            there[slug] = row = _room(slug, given.pop("title"), given.pop("capacity"), **given)
            new.append(row)
        elif before["kind"] != given.get("kind", before["kind"]):
            refused[place] = [fault("kind", "not_changeable", given["kind"])]
        elif all(before[name] == value for name, value in given.items()):
            unchanged += 1
        else:
            changed.append({"slug": slug, **given})
    if write:
        await _insert_rooms(connection, new, now_ms)
        for row in changed:
            await connection.execute(
                update(rooms)
                .where(rooms.c.slug == row["slug"])
                .values(**row, version=rooms.c.version + 1)
            )
    return Outcome(len(new), len(changed), unchanged, refused)


async def _rooms_there(
    connection: AsyncConnection, records: Sequence[Record]
) -> dict[str, dict[str, Any]]:
    slugs = [record.get("slug") or slug_for(record["title"], "room")[0] for record in records]
    rows = await connection.execute(select(rooms).where(rooms.c.slug.in_(slugs)).with_for_update())
    return {row.slug: dict(row._mapping) for row in rows}
