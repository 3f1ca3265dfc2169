"""Talks to be opened from a sheet: one row each, all or none of them.

Headers may be English or Chinese and stand in any order. People are e-mail addresses or ids; who
works for the talk's company sits on its side, in a round of several companies everybody on their
own company's, the rest are guests.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from hub.ports.talks import (
    CAPACITY_MAX,
    GUEST_SIDE,
    OPEN_MANY_MAX,
    OPENS_BEFORE_MS,
    Belonging,
    TalkDraft,
)
from hub.services import Services
from hub.sheets import BadSheet, read_sheet
from hub.web.bodies_talks import MEMBERS_MAX
from rooms.model import PERSON_ID, SLUG, Mode, NameRefused, clean_name

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "mode": ("mode", "模式"),
    "subject": ("subject", "主题"),
    "company": ("company", "企业"),
    "begins": ("begins", "开始"),
    "ends": ("ends", "结束"),
    "seats": ("seats", "席位"),
    "people": ("people", "人员"),
}
REQUIRED: Final = ("mode", "subject", "people")
PEOPLE_MAX: Final = 4_000  # different ones in one sheet
FAULTS_MAX: Final = 20
_MODES: Final[dict[str, Mode]] = {
    **{mode.value: mode for mode in Mode},
    "一对一": Mode.ONE_TO_ONE, "一对多": Mode.ONE_TO_MANY, "多对多": Mode.MANY_TO_MANY,
}  # fmt: skip
_FORMATS: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row: ``code`` of a column; row 0 is the sheet itself."""

    row: int
    column: str
    code: str


@dataclass(slots=True)
class Row:
    """One talk as the sheet says it; ``people`` as typed."""

    number: int
    mode: Mode
    subject: str
    company: str | None
    starts_ms: int
    ends_ms: int | None
    seats: int
    people: tuple[str, ...] = field(default=())


class BadTalks(Exception):
    """Nothing is opened; ``faults`` are the first of what is wrong."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults[:FAULTS_MAX])


async def parse(body: bytes, zone: str, now_ms: int) -> list[Row]:
    """The rows of a sheet. Raises BadTalks."""
    return await asyncio.to_thread(_parse, body, ZoneInfo(zone), now_ms)


def _parse(body: bytes, zone: ZoneInfo, now_ms: int) -> list[Row]:
    try:
        sheet = read_sheet(body)
        if sheet.count > OPEN_MANY_MAX:
            raise BadTalks([Fault(0, "", "too_many_rows")])
        heads = [head.strip().casefold() for head in sheet.header]
        places = {
            name: next((heads.index(word) for word in words if word in heads), None)
            for name, words in COLUMNS.items()
        }
        missing = [Fault(0, name, "missing") for name in REQUIRED if places[name] is None]
        if missing:
            raise BadTalks(missing)
        rows, faults = [], []
        for number, cells in sheet.rows():
            texts = {n: "" if at is None else cells[at].strip() for n, at in places.items()}
            wrong, row = _row(number, texts, zone, now_ms)
            faults += wrong
            if row is not None:
                rows.append(row)
    except BadSheet as fault:
        raise BadTalks([Fault(fault.row or 0, "", fault.code)]) from None
    if faults:
        raise BadTalks(faults)
    if not rows:
        raise BadTalks([Fault(0, "", "empty")])
    return rows


def _row(
    number: int, texts: dict[str, str], zone: ZoneInfo, now_ms: int
) -> tuple[list[Fault], Row | None]:
    faults: list[Fault] = []

    def wrong(column: str, code: str) -> None:
        faults.append(Fault(number, column, code))

    mode = _MODES.get(texts["mode"].casefold())
    if mode is None:
        wrong("mode", "not_allowed")
    try:
        subject = clean_name(texts["subject"], 200)
    except NameRefused:
        subject = ""
        wrong("subject", "bad_text" if texts["subject"] else "missing")
    company = texts["company"] or None
    if company is not None and not SLUG.fullmatch(company):
        wrong("company", "unknown")
    moments = {}
    for name in ("begins", "ends"):
        try:
            moments[name] = moment(texts[name], zone) if texts[name] else None
        except ValueError:
            moments[name] = None
            wrong(name, "bad_format")
    starts = moments["begins"]
    starts = now_ms if starts is None else starts
    ends = moments["ends"]
    if ends is not None and ends <= max(starts, now_ms):
        wrong("ends", "before_start")
    if starts < now_ms - 60_000:
        wrong("begins", "in_the_past")
    seats = texts["seats"] or ("2" if mode is Mode.ONE_TO_ONE else "10")
    if not (seats.isascii() and seats.isdigit() and 2 <= int(seats[:6]) <= CAPACITY_MAX):
        seats = "2"
        wrong("seats", "out_of_range")
    people = tuple(dict.fromkeys(re.split(r"[\s,;，；、]+", texts["people"].strip())))
    if not any(people) or len(people) > MEMBERS_MAX:
        wrong("people", "too_many" if any(people) else "missing")
    if faults or mode is None:
        return faults, None
    return [], Row(number, mode, subject, company, starts, ends, int(seats), people)


def moment(text: str, zone: ZoneInfo) -> int:
    """Milliseconds of a moment: with an offset as it is, else by the fair's clocks. Raises
    ValueError."""
    for form in _FORMATS:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=zone).timestamp() * 1000)
        except ValueError:
            continue
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return int(found.timestamp() * 1000)


async def drafts(services: Services, rows: Sequence[Row], by: str) -> list[TalkDraft]:
    """What the rows open, with their people found. Raises BadTalks."""
    wanted = {text for row in rows for text in row.people}
    if len(wanted) > PEOPLE_MAX:
        raise BadTalks([Fault(0, "people", "too_many")])
    known = await _people(services, wanted)
    staff: dict[str, frozenset[str]] = {}
    for slug in {row.company for row in rows if row.company}:
        staff[slug] = frozenset(s.person for s in await services.fair.companies.staff(slug))
    slugs, found = sorted(staff), set[str]()
    for first in range(0, len(slugs), 500):
        found |= (await services.fair.companies.many(slugs[first : first + 500])).keys()
    faults, made = [], []
    for row in rows:
        if row.company is not None and row.company not in found:
            faults.append(Fault(row.number, "company", "unknown"))
        if any(text not in known for text in row.people):
            faults.append(Fault(row.number, "people", "unknown"))
        ids = list(dict.fromkeys(known[text] for text in row.people if text in known))
        if row.mode is Mode.ONE_TO_ONE and len(ids) > 2:
            faults.append(Fault(row.number, "people", "wrong_mode"))
        if row.mode is Mode.ONE_TO_MANY and row.company is None:
            faults.append(Fault(row.number, "company", "missing"))
        sides = [await _side(services, row, person, staff) for person in ids]
        members = tuple(Belonging(p, s) for p, s in zip(ids, sides, strict=True))
        opens = row.starts_ms - OPENS_BEFORE_MS
        made.append(
            TalkDraft(
                origin="organiser", origin_id=None, company=row.company, mode=row.mode,
                subject=row.subject, starts_ms=row.starts_ms, ends_ms=row.ends_ms,
                members=members, by=by, capacity=row.seats,
                reserved=1 if row.mode is Mode.ONE_TO_MANY else 0, opens_ms=opens,
            )
        )  # fmt: skip
    if faults:
        raise BadTalks(faults)
    return made


async def _people(services: Services, wanted: set[str]) -> dict[str, str]:
    """Ids by what was typed: an id, or an e-mail address."""
    people, found = services.fair.people, {}
    ids = sorted(text for text in wanted if "@" not in text and PERSON_ID.fullmatch(text))
    for first in range(0, len(ids), 500):
        for person in (await people.many(ids[first : first + 500])).values():
            if person.erased_ms is None:
                found[person.id] = person.id
    for text in sorted(text for text in wanted if "@" in text):
        one = await people.by_email(text)
        if one is not None:
            found[text] = one.id
    return found


async def _side(services: Services, row: Row, person: str, staff: dict[str, frozenset[str]]) -> str:
    if row.company is not None and person in staff[row.company]:
        return row.company
    if row.mode is Mode.MANY_TO_MANY:
        theirs = await services.fair.companies.memberships(person)
        return theirs[0].company if theirs else GUEST_SIDE
    return GUEST_SIDE
