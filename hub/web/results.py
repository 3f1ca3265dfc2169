"""What the results' pages and API share: who sees one, what is checked, how it reads.

The rule of who sees what stands here alone (``seen``): everybody what is published, its parties
and the organiser what is theirs, and for anybody else there is no such result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date

from hub.ports.fair import FairSettings, pick
from hub.ports.results import (
    KINDS,
    Correction,
    Count,
    Money,
    PartyDraft,
    Result,
    ResultDraft,
    ResultFilter,
    ResultRefused,
    Standing,
    Sum,
)
from hub.services import SERVICES
from hub.web import currencies, i18n
from hub.web.countries import is_country, name_of
from hub.web.pages import PAGES
from hub.web.problems import Problem
from rooms.model import SLUG
from rooms.results import State
from rooms.times import rfc3339

ID: Final = re.compile(r"[0-9a-f]{32}")
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
NO_STORE: Final = {"Cache-Control": "no-store"}
QUERY_MAX: Final = 100
EARLIEST: Final = date(2000, 1, 1)


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


KIND_TEXTS: Final[Mapping[str, str]] = {
    "agreement": _("Agreement"),
    "letter_of_intent": _("Letter of intent"),
    "strategic_cooperation": _("Strategic cooperation"),
    "launch": _("Launch"),
    "award": _("Award"),
    "other": _("Other result"),
}
STATE_TEXTS: Final[Mapping[str, str]] = {
    "draft": _("Draft"),
    "confirming": _("Being confirmed"),
    "confirmed": _("Confirmed by all"),
    "released": _("Published"),
    "withdrawn": _("Withdrawn"),
}
FIELD_TEXTS: Final[Mapping[str, str]] = {
    "kind": _("Kind"),
    "sector": _("Sector"),
    "parties": _("Parties"),
    "amount": _("Amount"),
    "signed_on": _("Day signed"),
    "attachment": _("Attachment"),
    "titles": _("Title"),
    "texts": _("Text"),
}
_STATUS: Final[Mapping[str, int]] = {
    "unknown_result": 404, "unknown_company": 422, "unknown_person": 422, "sides_missing": 422,
    "changed": 409, "wrong_state": 409, "not_a_party": 403, "not_on_paper": 409,
    "bad_file": 422, "too_large": 413, "too_many": 409,
}  # fmt: skip
_DETAIL: Final[Mapping[str, str]] = {
    "unknown_result": "there is no such result",
    "sides_missing": "each side of the talk must be a party",
    "changed": "it is not the version or content that was seen; read it again",
    "wrong_state": "the result's state does not allow this",
    "not_a_party": "nothing of it is the caller's to confirm",
    "not_on_paper": "somebody at the fair can confirm for this party",
    "bad_file": "a PDF or a picture is expected",
}


def problem(refused: ResultRefused) -> Problem:
    return Problem(_STATUS[refused.code], refused.code, _DETAIL.get(refused.code, ""))


def unknown() -> Problem:
    return problem(ResultRefused("unknown_result"))


# --- who sees one ---------------------------------------------------------------------------


NOTHING: Final = Standing()


@dataclass(frozen=True, slots=True)
class View:
    """What a reader is to a result. ``own``: a party or the organiser, who see all of it."""

    standing: Standing = NOTHING
    organiser: bool = False
    own: bool = False


async def seen(
    request: web.Request, id: str, person: str | None, organiser: bool
) -> tuple[Result, View] | None:
    """The result and what the reader is to it; None when there is none for them. A withdrawn
    one that was published is seen by everybody: as withdrawn, without what it said."""
    part = request.app[SERVICES].fair.results
    found = await part.get(id) if ID.fullmatch(id) else None
    if found is None:
        return None
    standing = NOTHING if person is None else await part.standing(found, person)
    # What nobody was asked to confirm yet is its writers' alone.
    organises = organiser and (found.asked or found.room is None)
    own = organises or standing.writes or (bool(standing.confirms) and found.asked)
    if not own and found.released_ms is None:
        return None
    return found, View(standing if own else NOTHING, organises, own)


# --- checking -------------------------------------------------------------------------------


def today(fair: FairSettings) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(fair.time_zone)).date()


def party_errors(parties: Sequence[PartyDraft]) -> list[tuple[int, str]]:
    """(number of the party, code) of what is wrong: missing (neither a company nor a name with
    a country), twice."""
    out: list[tuple[int, str]] = []
    known: set[tuple[str, str]] = set()
    for number, party in enumerate(parties):
        if party.company is None and not (party.name and party.country):
            out.append((number, "missing"))
        key = ("", party.company) if party.company else (party.name.casefold(), party.country)
        if key in known:
            out.append((number, "twice"))
        known.add(key)
    return out


def draft_errors(
    draft: ResultDraft, fair: FairSettings, before: Result | None = None
) -> list[tuple[str, str]]:
    """(field, code) of what a model cannot know: the fair's sectors and languages, its day."""
    out: list[tuple[str, str]] = []
    kept = before is not None and before.sector == draft.sector
    if fair.sector(draft.sector) is None and not kept:
        out.append(("sector", "unknown_sector"))
    taken = {*fair.languages, *(before.titles if before else ())}
    for field, texts in (("titles", draft.titles), ("texts", draft.texts)):
        if not texts:
            out.append((field, "missing"))
        out += [(f"{field}.{tag}", "not_allowed") for tag in texts if tag not in taken]
    signed = date.fromisoformat(draft.signed_on)
    if signed > today(fair):
        out.append(("signed_on", "in_the_future"))
    elif signed < EARLIEST:
        out.append(("signed_on", "out_of_range"))
    out += [(f"parties.{n}", code) for n, code in party_errors(draft.parties)]
    return out


def filter_of(request: web.Request) -> ResultFilter:
    """From the address of a page; what makes no sense there counts as not asked."""
    query = request.query
    q = "".join(char for char in query.get("q", "")[:QUERY_MAX] if char.isprintable())
    kind, sector = query.get("kind", ""), query.get("sector", "")
    country, day, company = query.get("country", ""), query.get("day", ""), query.get("company", "")
    return ResultFilter(
        q=q.strip(),
        kind=kind if kind in KINDS else None,
        sector=sector if SLUG.fullmatch(sector) else None,
        country=country if is_country(country) else None,
        day=day if is_day(day) else None,
        company=company if SLUG.fullmatch(company) else None,
    )


def is_day(text: str) -> bool:
    if not (text.isascii() and DAY.fullmatch(text)):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# --- as JSON --------------------------------------------------------------------------------


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def money_body(money: Money | None) -> dict[str, Any] | None:
    if money is None:
        return None
    return {"value": money.amount, "currency": money.currency, "decimals": money.decimals}


def public_body(one: Result, base: str) -> dict[str, Any]:
    """What everybody may read. ``base``: the fair's public address."""
    url, file = f"{base}/results/{one.id}", one.attachment
    attachment = None
    if file is not None:
        attachment = {
            "filename": file.filename, "content_type": file.content_type, "size": file.size,
            "sha256": file.sha256, "url": f"{url}/attachment",
        }  # fmt: skip
    return {
        "id": one.id,
        "url": url,
        "kind": one.kind,
        "sector": one.sector,
        "titles": dict(one.titles),
        "texts": dict(one.texts),
        "parties": [
            {"name": party.name, "country": party.country, "company": party.company}
            for party in one.parties
        ],
        "amount": money_body(one.money),
        "signed_on": one.signed_on,
        "attachment": attachment,
        "version": one.version,
        "released_at": _time(one.released_ms),
        "updated_at": rfc3339(one.changed_ms),
    }


def own_body(one: Result, view: View) -> dict[str, Any]:
    return {
        "room": one.room,
        "state": one.state.value,
        "digest": one.digest,
        "release_at": _time(one.release_ms),
        "withdrawn_at": _time(one.withdrawn_ms),
        "withdrawn_notes": dict(one.withdrawn_notes),
        "parties": [
            {
                "position": party.position,
                "person": party.person,
                "confirmed": one.confirmed(party),
                "confirmed_version": party.confirmed_version,
                "confirmed_at": _time(party.confirmed_ms),
                "on_paper": party.on_paper,
                "paper_note": party.paper_note,
            }
            for party in one.parties
        ],
        "writes": view.standing.writes,
        "confirms": list(view.standing.confirms),
        "created_at": rfc3339(one.created_ms),
    }


def correction_body(one: Correction) -> dict[str, Any]:
    return {
        "version": one.version, "at": rfc3339(one.at_ms), "notes": dict(one.notes),
        "before": dict(one.before),
    }  # fmt: skip


def count_body(one: Count) -> dict[str, Any]:
    return {
        "key": one.key, "number": one.number, "disclosed": one.disclosed,
        "sums": [{"currency": s.currency, "decimals": s.decimals, "value": s.amount}
                 for s in one.sums],
    }  # fmt: skip


# --- for people -----------------------------------------------------------------------------


def _file_text(file: Mapping[str, Any]) -> str:
    """Two files of one name are told apart by their content."""
    return f"{file['filename']} (SHA-256 {file['sha256']})"


class Words:
    """Results in one reader's language."""

    def __init__(self, request: web.Request, fair: FairSettings) -> None:
        self.language: i18n.Language = request.app[PAGES].languages[i18n.language_of(request)]
        self.fair = fair

    def kind(self, kind: str) -> str:
        return self.language.text(KIND_TEXTS.get(kind, kind))

    def state(self, state: State) -> str:
        return self.language.text(STATE_TEXTS[state.value])

    def field(self, name: str) -> str:
        """What a part of the content is called: ``Title (English)``."""
        stem, _dot, tag = name.partition(".")
        said = self.language.text(FIELD_TEXTS.get(stem, stem))
        return f"{said} ({i18n.NAMES.get(tag, tag)})" if tag else said

    def title(self, one: Result) -> tuple[str, str]:
        """(title, its language)."""
        return pick(one.titles, self.language.tag)

    def note(self, notes: Mapping[str, str]) -> tuple[str, str]:
        """(a note, its language); ("", …) when there is none."""
        return pick(notes, self.language.tag)

    def paragraphs(self, one: Result) -> tuple[list[str], str]:
        text, tag = pick(one.texts, self.language.tag)
        return [part.strip() for part in text.split("\n\n") if part.strip()], tag

    def country(self, code: str) -> str:
        return name_of(code, self.language.locale)

    def sector(self, slug: str) -> str:
        return self.fair.sector_name(slug, self.language.tag)

    def amount(self, money: Money | None) -> str:
        if money is None:
            return self.language.text(_("Undisclosed"))
        return currencies.shown(money.amount, money.currency, money.decimals, self.language.locale)

    def sums(self, sums: Sequence[Sum]) -> str:
        """Each currency by itself; "" for none."""
        joint = "；" if self.language.locale.language == "zh" else "; "
        return joint.join(
            currencies.shown(one.amount, one.currency, one.decimals, self.language.locale)
            for one in sums
        )

    def day(self, iso: str) -> str:
        return str(format_date(date.fromisoformat(iso), "long", locale=self.language.locale))

    def said(self, content: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """(name, text, language of the text) of what a version said."""
        amount = content["amount"]
        money = None if amount is None else Money(**amount)
        parties = ", ".join(
            f"{one['name']} ({self.country(one['country'])})" for one in content["parties"]
        )
        file = content["attachment"]
        out = [
            (self.field("kind"), self.kind(content["kind"]), ""),
            (self.field("parties"), parties, ""),
            (self.field("sector"), self.sector(content["sector"]), ""),
            (self.field("amount"), self.amount(money), ""),
            (self.field("signed_on"), self.day(content["signed_on"]), ""),
            (self.field("attachment"), _file_text(file) if file else "–", ""),
        ]
        for stem in ("titles", "texts"):
            out += [(self.field(f"{stem}.{tag}"), text, tag) for tag, text in content[stem].items()]
        return out
