"""Companies between rows and records; what a bulk import writes them with too."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from hub.fair.search import Entry, fold
from hub.fair.tables import companies
from hub.ports.companies import Company, CompanyDraft, Link

#: Everything but the long text: what lists show.
LIST_COLUMNS: Final = tuple(column for column in companies.c if column.name != "about")


def sort_key(name: str) -> str:
    """How directories are ordered: as compared in searches, traditional with simplified."""
    return fold(name)[:120]


def entry_of(draft: CompanyDraft) -> Entry:
    """What a company is found by."""
    return Entry(
        draft.slug,
        (draft.name, *draft.names.values()),
        (*draft.summary.values(), *draft.about.values(), draft.booth or ""),
    )


def row_of(draft: CompanyDraft) -> dict[str, Any]:
    """The columns a draft fills; logo, times and version are the caller's."""
    return {
        "slug": draft.slug,
        "name": draft.name,
        "names": dict(draft.names),
        "sector": draft.sector,
        "country": draft.country,
        "summary": dict(draft.summary),
        "about": dict(draft.about),
        "website": draft.website,
        "links": [{"title": link.title, "url": link.url} for link in draft.links],
        "booth": draft.booth,
        "on_site": draft.on_site,
        "online": draft.online,
        "published": draft.published,
        "sort_key": sort_key(draft.name),
        "external_key": draft.external_key,
    }


def record_of(row: sa.Row[Any]) -> Company:
    """A row of ``companies``; ``about`` is empty when it was not read."""
    v = row._mapping
    return Company(
        CompanyDraft(
            slug=v["slug"],
            name=v["name"],
            sector=v["sector"],
            country=v["country"],
            names=v["names"],
            summary=v["summary"],
            about=v.get("about", {}),
            website=v["website"],
            links=tuple(Link(link["title"], link["url"]) for link in v["links"]),
            booth=v["booth"],
            on_site=v["on_site"],
            online=v["online"],
            published=v["published"],
            external_key=v["external_key"],
        ),
        logo=v["logo"],
        logo_small=v["logo_small"],
        version=v["version"],
        created_ms=v["created_ms"],
        changed_ms=v["changed_ms"],
    )
