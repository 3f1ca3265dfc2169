"""A batch of companies into the database: found by external key, else by slug, else by name
and country."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.imports.indexing import company_sort_key, index_companies
from hub.fair.imports.plan import Context, Fault, Outcome, Record, fault
from hub.fair.tables import companies

_CHANGES: Final = ("external_key", "name", "names", "sector", "country", "summary", "about",
                   "website", "booth", "on_site", "online", "published", "sort_key")  # fmt: skip
_FOUND: Final = [companies.c[name] for name in ("slug", *_CHANGES)]
_BY_LANGUAGE: Final = {"name": "names", "summary": "summary", "about": "about"}
_LANGUAGES: Final = {"en": "en", "zh": "zh-Hans"}


def slug_for(name: str, seed: str) -> tuple[str, str]:
    """(slug, the one to take when that is taken) for something called ``name``; ``seed`` is
    what makes it unlike others of that name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "-".join("".join(c if c.isalnum() else " " for c in plain).split())[:48].strip("-")
    mark = hashlib.sha256(f"{name}\0{seed}".encode()).hexdigest()[:10]
    if sum(c.isalpha() for c in words) < 3:
        return f"c-{mark}", f"c-{mark}-2"
    return words, f"{words}-{mark[:6]}"


class _Known:
    """Companies the batch may mean, and slugs that are taken."""

    def __init__(self, rows: Sequence[Row[Any]]) -> None:
        self.by_key = {row.external_key: row for row in rows if row.external_key is not None}
        self.by_slug = {row.slug: row for row in rows}
        self.by_name = {(row.name, row.country): row for row in rows}
        self.taken = set(self.by_slug)

    def find(self, record: Record) -> tuple[Row[Any] | None, list[Fault]]:
        key, slug = record.get("external_key"), record.get("slug")
        found = self.by_key.get(key) if key is not None else None
        if found is not None:
            if slug is not None and slug != found.slug:
                return None, [fault("slug", "not_changeable", slug)]
            return found, []
        if slug is not None:
            found = self.by_slug.get(slug)
        else:
            found = self.by_name.get((record["name"], record["country"]))
        if found is not None and key is not None and found.external_key not in {None, key}:
            if slug is not None:
                return None, [fault("slug", "taken", slug)]
            return None, []  # of the same name, but another one by its key
        return found, []

    def new_slug(self, record: Record) -> str:
        given: str | None = record.get("slug")
        if given is None:
            seed = record.get("external_key") or record["country"]
            given, other = slug_for(record["name"], seed)
            if given in self.taken:
                given = other
        self.taken.add(given)
        return given


async def apply_companies(
    connection: AsyncConnection,
    records: Sequence[Record],
    context: Context,
    now_ms: int,
    *,
    write: bool,
) -> Outcome:
    """Insert what is new, change what differs. The transaction must already hold SQLite's
    write lock."""
    known = _Known(await _there_already(connection, records))
    refused: dict[int, list[Fault]] = {}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    unchanged = 0
    for index, record in enumerate(records):
        found, faults = known.find(record)
        if faults:
            refused[index] = faults
        elif found is None:
            new.append(_newcomer(record, known.new_slug(record), now_ms))
        else:
            before = dict(found._mapping)
            after = _merged(record, before)
            if all(after[name] == before[name] for name in _CHANGES):
                unchanged += 1
            else:
                changed.append({"slug": found.slug, **after})
    if write:
        await _write(connection, new, changed, now_ms)
    return Outcome(len(new), len(changed), unchanged, refused)


async def _there_already(
    connection: AsyncConnection, records: Sequence[Record]
) -> Sequence[Row[Any]]:
    keys = [record["external_key"] for record in records if "external_key" in record]
    slugs = [record["slug"] for record in records if "slug" in record]
    names = []
    for record in records:
        if "slug" not in record:
            names.append(record["name"])
            slugs += slug_for(record["name"], record.get("external_key") or record["country"])
    wanted = select(*_FOUND).where(
        or_(
            companies.c.external_key.in_(keys),
            companies.c.slug.in_(slugs),
            companies.c.name.in_(names),
        )
    )
    return (await connection.execute(wanted.with_for_update())).all()


def _merged(record: Record, before: dict[str, Any]) -> dict[str, Any]:
    """``before`` with what the record says; texts of languages it does not name stay."""
    after = {name: record.get(name, before[name]) for name in _CHANGES}
    for stem, column in _BY_LANGUAGE.items():
        given = {
            tag: record[f"{stem}_{short}"]
            for short, tag in _LANGUAGES.items()
            if f"{stem}_{short}" in record
        }
        after[column] = {**before[column], **given}
    after["sort_key"] = company_sort_key(after["name"])
    return after


def _newcomer(record: Record, slug: str, now_ms: int) -> dict[str, Any]:
    blank: dict[str, Any] = {
        "external_key": None, "names": {}, "summary": {}, "about": {}, "website": None,
        "booth": None, "on_site": False, "online": True, "published": True, "sort_key": "",
        "name": "", "sector": "", "country": "",
    }  # fmt: skip
    return {
        "slug": slug, "links": [], "logo": None, "created_ms": now_ms, "changed_ms": now_ms,
        "version": 1, **_merged(record, blank),
    }  # fmt: skip


async def _write(
    connection: AsyncConnection,
    new: list[dict[str, Any]],
    changed: list[dict[str, Any]],
    now_ms: int,
) -> None:
    if new:
        await connection.execute(insert(companies), new)
    if changed:
        values = {name: bindparam(f"new_{name}", type_=companies.c[name].type) for name in _CHANGES}
        statement = (
            update(companies)
            .where(companies.c.slug == bindparam("of_slug"))
            .values(**values, changed_ms=now_ms, version=companies.c.version + 1)
        )
        await connection.execute(
            statement,
            [
                {"of_slug": row["slug"], **{f"new_{name}": row[name] for name in _CHANGES}}
                for row in changed
            ],
        )
    await index_companies(connection, [*new, *changed])
