"""From a sheet's rows to records: which column is which, and what is wrong with a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.fair.imports import values
from hub.fair.imports.values import Bad, Reader, folded
from hub.ports.imports import COLUMNS, REASON, Kind

Fault = dict[str, Any]
Record = dict[str, Any]
#: Characters of a refused value that the list of faults keeps.
SHOWN_MAX: Final = 80


class BadHeader(ValueError):
    """The sheet cannot be imported at all. ``why``: ``missing_column:name``,
    ``duplicate_column:name``."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Context:
    """What cells are read against. ``sectors``: folded name -> slug."""

    sectors: Mapping[str, str]
    zone: ZoneInfo
    language: str = "en"  # of people whose sheet does not say


def fault(column: str, code: str, value: str = "") -> Fault:
    return {"column": column, "code": code, "value": value[:SHOWN_MAX]}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. ``refused``: index in the batch -> faults."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: dict[int, list[Fault]] = field(default_factory=dict)


def readers(kind: Kind, context: Context) -> dict[str, Reader]:
    """How each column of ``kind`` is read."""
    sector = values.one_of(context.sectors)
    name, when = values.line(120), values.moment(context.zone)
    texts = values.paragraphs(5_000)
    common: dict[str, Reader] = {"external_key": values.line(120), "slug": values.slug}
    found: dict[Kind, dict[str, Reader]] = {
        "people": {
            "name": values.line(64),
            "email": values.email,
            "country": values.country,
            "organisation": name,
            "position": values.line(80),
            "sectors": values.listed(sector),
            "languages": values.listed(values.language),
            "language": values.language,
            "time_zone": values.time_zone,
        },
        "companies": {
            "name": name, "name_en": name, "name_zh": name,
            "sector": sector,
            "country": values.country,
            "summary_en": values.paragraphs(400), "summary_zh": values.paragraphs(400),
            "about_en": texts, "about_zh": texts,
            "website": values.web_address,
            "booth": values.line(32),
            "on_site": values.flag, "online": values.flag, "published": values.flag,
        },
        "conferences": {
            "title": values.line(200), "title_en": values.line(200), "title_zh": values.line(200),
            "about_en": texts, "about_zh": texts,
            "sector": sector,
            "languages": values.listed(values.language),
            "room": values.slug,
            "capacity": values.number(1, 100_000),
            "starts": when, "ends": when,
            "company": name,
            "speakers": values.paragraphs(5_000),
        },
        "rooms": {
            "title": values.line(200),
            "kind": values.one_of({"conference": "conference", "会议": "conference",
                                   "negotiation": "negotiation", "洽谈": "negotiation"}),
            "capacity": values.number(1, 100_000),
            "reserved": values.number(0, 100_000),
            "guests": values.flag, "waitlist": values.flag, "chat": values.flag,
            "opens": when, "closes": when,
        },
    }  # fmt: skip
    return common | found[kind]


class Plan:
    """Columns of one sheet, found by their headers; ``read`` turns a row into a record."""

    def __init__(self, kind: Kind, header: Sequence[str], context: Context) -> None:
        """Raises BadHeader."""
        by_head = {
            folded(head): column.name
            for column in COLUMNS[kind]
            for head in (*column.heads, column.name)
        }
        # The first names count most: two columns may share a later one.
        for column in reversed(COLUMNS[kind]):
            by_head |= {folded(head): column.name for head in (*column.heads[:2], column.name)}
        ignored = {folded(word) for word in REASON}
        reads = readers(kind, context)
        self.unknown: list[str] = []
        self._places: list[tuple[int, str, Reader]] = []
        seen: set[str] = set()
        for place, head in enumerate(header):
            if not folded(head) or folded(head) in ignored:
                continue
            name = by_head.get(folded(head))
            if name is None:
                self.unknown.append(head[:SHOWN_MAX])
                continue
            if name in seen:
                raise BadHeader(f"duplicate_column:{name}")
            seen.add(name)
            self._places.append((place, name, reads[name]))
        self.required = [column.name for column in COLUMNS[kind] if column.required]
        missing = [name for name in self.required if name not in seen]
        if kind == "people" and not seen & {"email", "external_key"}:
            missing.append("email")
        if missing:
            raise BadHeader(f"missing_column:{missing[0]}")
        self._check = _CHECKS[kind]

    def read(self, cells: Sequence[str]) -> tuple[Record, list[Fault]]:
        """The cells that are not empty, as values; the record counts only without faults."""
        record: Record = {}
        faults: list[Fault] = []
        for place, name, read in self._places:
            text = cells[place]
            if not text:
                continue
            try:
                record[name] = read(text)
            except Bad as bad:
                faults.append(fault(name, bad.code, text))
        if not faults:
            faults = [fault(name, "missing") for name in self.required if name not in record]
            faults = faults or self._check(record)
        return record, faults


def _check_person(record: Record) -> list[Fault]:
    if "email" not in record and "external_key" not in record:
        return [fault("email", "missing")]
    return []


def _check_conference(record: Record) -> list[Fault]:
    if record["ends"] <= record["starts"]:
        return [fault("ends", "not_after_start")]
    if record["ends"] - record["starts"] > 24 * 3_600_000:
        return [fault("ends", "too_long")]
    return []


def _check_room(record: Record) -> list[Fault]:
    if record.get("reserved", 0) > record["capacity"]:
        return [fault("reserved", "out_of_range", str(record["reserved"]))]
    if "opens" in record and "closes" in record and record["closes"] <= record["opens"]:
        return [fault("closes", "not_after_start")]
    return []


def _check_nothing(_record: Record) -> list[Fault]:
    return []


_CHECKS: Final = {
    "people": _check_person,
    "companies": _check_nothing,
    "conferences": _check_conference,
    "rooms": _check_room,
}


def keys_of(kind: Kind, record: Record) -> list[tuple[str, Any]]:
    """What makes a row the same thing as another: (column, value); a sheet may have each
    once."""
    keys: list[tuple[str, Any]] = []
    if "external_key" in record:
        keys.append(("external_key", record["external_key"]))
    if kind == "people":
        if "email" in record:
            keys.append(("email", record["email"][1]))
    elif "slug" in record:
        keys.append(("slug", record["slug"]))
    if keys:
        return keys
    if kind == "companies":
        return [("name", (record["name"], record["country"]))]
    if kind == "conferences":
        return [("title", (record["title"], record["starts"]))]
    return [("title", record["title"])]
