"""The form a result is written with: by members of a talk, and by the organiser by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, Field, create_model

from hub.ports.companies import CompanyFilter
from hub.ports.fair import FairSettings
from hub.ports.results import (
    ATTACHMENT_MAX,
    KINDS,
    NOTE_MAX,
    TEXT_MAX,
    TITLE_MAX,
    Money,
    PartyDraft,
    Result,
    ResultDraft,
    ResultRefused,
    Upload,
)
from hub.services import Services
from hub.web import currencies, form_texts
from hub.web.bodies import Company as Organisation
from hub.web.bodies import PersonId, Slug, Title
from hub.web.bodies_companies import Country, line
from hub.web.bodies_results import Currency, KindName, Note, Text
from hub.web.countries import listed
from hub.web.fairtime import language_name
from hub.web.forms import Form, FormModel, shown
from hub.web.results import QUERY_MAX, Words, draft_errors
from rooms.model import SLUG
from rooms.results import PARTIES_MAX, BadAmount, parse_amount

ROWS: Final = 3  # rows for parties at least
NEAR: Final = 5  # companies shown where none is called what was written
FILE_LIMIT: Final = ATTACHMENT_MAX
FORM_LIMIT: Final = 512 * 1024  # every text in ten languages


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


form_texts.add(
    {
        "twice": _("This party is named twice."),
        "unknown_sector": _("Choose one of the fair's sectors."),
        "no_such_company": _("No company of the fair is called this. Write its name and country "
                             "below instead, or its address as in /companies/…"),
        "no_such_member": _("Choose somebody who belongs to this talk."),
        "sides_missing": _("Each side of the talk must be a party. For a guest, say who of them "
                           "stands for that party."),
        "in_the_future": _("This day is still to come."),
        "too_many_decimals": _("This currency has fewer decimals."),
        ("file", "bad_file"): _("A PDF or a picture is taken, and its name must say so."),
        "too_many_results": _("There are as many as there may be."),
        ("at", "no_such_time"): _("This hour does not exist on that day: the clocks change."),
        "none_chosen": _("Choose at least one result."),
        "changed": _("Someone changed this meanwhile. Look at it again, then repeat your change."),
        ("amount", "bad_format"): _("Write digits, with a point before the decimals: "
                                    "1250000.50. Commas may part thousands."),
        ("amount", "out_of_range"): _("This amount is too small or too large."),
        ("currency", "missing"): _("Choose the currency."),
        ("signed_on", "missing"): _("Enter the day it was signed."),
        ("file", "too_large"): _("At most 10 MB are taken."),
    }
)  # fmt: skip


def id_of(tag: str) -> str:
    return tag.replace("-", "_")


CompanyText = Annotated[str, Field(max_length=480), AfterValidator(line)]


@cache
def model(tags: tuple[str, ...], rows: int, notes: bool) -> type[FormModel]:
    """``notes``: a correction's, one of which is needed."""
    fields: dict[str, Any] = {
        "version": (int, 0), "kind": (KindName, ...), "sector": (Slug, ...),
        "amount": (Annotated[str, Field(max_length=40)] | None, None),
        "currency": (Currency | None, None), "signed_on": (date, ...),
        "drop_file": (bool, False), "act": (Literal["save", "submit"], "save"),
    }  # fmt: skip
    for tag in map(id_of, tags):
        fields[f"title_{tag}"] = (Title | None, None)
        fields[f"text_{tag}"] = (Text | None, None)
        if notes:
            fields[f"note_{tag}"] = (Note | None, None)
    for i in range(rows):
        fields[f"party_company_{i}"] = (CompanyText | None, None)
        fields[f"party_pick_{i}"] = (Slug | None, None)  # what was chosen of what it found
        fields[f"party_name_{i}"] = (Organisation | None, None)
        fields[f"party_country_{i}"] = (Country | None, None)
        fields[f"party_person_{i}"] = (PersonId | None, None)
    return cast("type[FormModel]", create_model("ResultForm", __base__=FormModel, **fields))


def tags_of(fair: FairSettings, before: Result | None) -> tuple[str, ...]:
    """The fair's languages, and those the result is written in besides."""
    texts = () if before is None else (*before.titles, *before.texts)
    return tuple(dict.fromkeys((*fair.languages, *texts)))


def rows_of(before: Result | None) -> int:
    return min(PARTIES_MAX, max(ROWS, (len(before.parties) + 2) if before else ROWS))


def typed(one: Result) -> Form[Any]:
    values: dict[str, Any] = {
        "version": one.version, "kind": one.kind, "sector": one.sector,
        "signed_on": one.signed_on,
    }  # fmt: skip
    if one.money is not None:
        values["amount"] = currencies.plain(one.money.amount, one.money.decimals)
        values["currency"] = one.money.currency
    for stem, texts in (("title", one.titles), ("text", one.texts)):
        values |= {f"{stem}_{id_of(tag)}": text for tag, text in texts.items()}
    for i, party in enumerate(one.parties):
        values[f"party_company_{i}"] = party.company
        values[f"party_person_{i}"] = party.person
        if party.company is None:
            values[f"party_name_{i}"], values[f"party_country_{i}"] = party.name, party.country
    return shown(values)


def choices(
    fair: FairSettings, words: Words, before: Result | None, companies: Mapping[str, str],
    people: Sequence[tuple[str, str]], near: Mapping[int, Any],
) -> dict[str, Any]:  # fmt: skip
    """What the form's template needs. ``companies`` (slug to name) are proposed; ``near``: as
    that function answers."""
    language = words.language
    sectors = [(one.slug, one.name(language.tag)) for one in fair.sectors]
    if before is not None and fair.sector(before.sector) is None:
        sectors.append((before.sector, before.sector))
    return {
        "tags": [(tag, id_of(tag), language_name(tag, language.locale))
                 for tag in tags_of(fair, before)],
        "rows": rows_of(before), "rows_max": PARTIES_MAX,
        "kinds": [(kind, words.kind(kind)) for kind in KINDS],
        "sectors": sectors, "countries": listed(language.locale),
        "currency_pairs": currencies.listed(language.locale),
        "companies": companies, "people_pairs": people, "near": near,
        "title_max": TITLE_MAX, "text_max": TEXT_MAX, "note_max": NOTE_MAX,
    }  # fmt: skip


async def near(
    services: Services, form: Form[Any], rows: int
) -> dict[int, list[tuple[str, str, str]]]:
    """By row: (slug, name, country) of companies that are called much like what was written
    where no company is called that."""
    found = {}
    for i in range(rows):
        if form.errors.get(f"party_company_{i}") != "no_such_company":
            continue
        wanted = CompanyFilter(q=form.value(f"party_company_{i}")[:QUERY_MAX])
        page = await services.fair.companies.search(wanted, None, NEAR)
        listed_ = [*page.items, *page.similar][:NEAR]
        if listed_:
            found[i] = [(one.slug, one.draft.name, one.draft.country) for one in listed_]
    return found


async def _company(services: Services, text: str, proposed: Mapping[str, str]) -> str | None:
    """The slug of the company somebody wrote the address or the exact name of."""
    wanted = text.strip().removeprefix("/companies/")
    if wanted in proposed:
        return wanted
    by_name = [slug for slug, name in proposed.items() if name.casefold() == wanted.casefold()]
    if by_name:
        return by_name[0]
    if SLUG.fullmatch(wanted) and await services.fair.companies.get(wanted) is not None:
        return wanted
    page = await services.fair.companies.search(CompanyFilter(q=wanted), None, 20)
    for one in page.items:
        if wanted.casefold() in {
            name.casefold() for name in (one.draft.name, *one.draft.names.values())
        }:
            return one.slug  # fmt: skip
    return None


async def _parties(
    services: Services, form: Form[Any], data: Any, rows: int, proposed: Mapping[str, str]
) -> tuple[tuple[PartyDraft, ...], list[int]]:
    """(parties, the row of each)."""
    out: list[PartyDraft] = []
    places: list[int] = []
    for i in range(rows):
        company, name = getattr(data, f"party_company_{i}"), getattr(data, f"party_name_{i}")
        country, person = getattr(data, f"party_country_{i}"), getattr(data, f"party_person_{i}")
        if not (company or name or country):
            continue
        places.append(i)
        if company:
            picked = getattr(data, f"party_pick_{i}")
            slug = await _company(services, picked or company, proposed)
            if slug is None:
                form.refuse(f"party_company_{i}", "no_such_company")
            out.append(PartyDraft(company=slug or "-"))
            continue
        if not name:
            form.refuse(f"party_name_{i}", "missing")
        if not country:
            form.refuse(f"party_country_{i}", "missing")
        out.append(PartyDraft(name or "", country or "", None, person))
    for i in range(2):
        if len(out) <= i:
            form.refuse(f"party_company_{i}", "missing")
    return tuple(out), places


def _money(form: Form[Any], data: Any) -> Money | None:
    if not data.amount:
        return None
    if not data.currency:
        form.refuse("currency", "missing")
        return None
    decimals = currencies.decimals_of(data.currency)
    try:
        return Money(parse_amount(data.amount, decimals), data.currency, decimals)
    except BadAmount as bad:
        form.refuse("amount", bad.code)
        return None


def texts_of(data: Any, stem: str, tags: Sequence[str]) -> dict[str, str]:
    given = {tag: getattr(data, f"{stem}_{id_of(tag)}") for tag in tags}
    return {tag: text for tag, text in given.items() if text}


async def draft_of(
    services: Services, form: Form[Any], fair: FairSettings, before: Result | None,
    proposed: Mapping[str, str],
) -> ResultDraft | None:  # fmt: skip
    """What was typed; None when something of it is not right, which the form then says."""
    data = form.data
    if data is None:
        return None
    tags = tags_of(fair, before)
    parties, places = await _parties(services, form, data, rows_of(before), proposed)
    draft = ResultDraft(
        kind=data.kind, sector=data.sector, parties=parties,
        titles=texts_of(data, "title", tags), texts=texts_of(data, "text", tags),
        signed_on=data.signed_on.isoformat(), money=_money(form, data),
    )  # fmt: skip
    for field, code in draft_errors(draft, fair, before):
        stem, _dot, rest = field.partition(".")
        if stem == "parties":
            if code == "twice":
                form.refuse(f"party_company_{places[int(rest)]}", code)
        elif stem in ("titles", "texts"):
            form.refuse(f"{stem[:-1]}_{id_of(rest or tags[0])}", code)
        else:
            form.refuse(field, code)
    return draft if form.data is not None else None


def upload_of(form: Form[Any]) -> Upload | None:
    sent = form.files.get("file")
    return None if sent is None else Upload(sent.name, sent.body)


#: Where on the form each refusal is said, and by which code.
_SAID: Final[Mapping[str, tuple[str, str]]] = {
    "unknown_company": ("party_company_0", "no_such_company"),
    "unknown_person": ("party_person_0", "no_such_member"),
    "sides_missing": ("party_company_0", "sides_missing"),
    "bad_file": ("file", "bad_file"), "too_large": ("file", "too_large"),
    "changed": ("version", "changed"), "too_many": ("kind", "too_many_results"),
}  # fmt: skip


def say(form: Form[Any], refused: ResultRefused) -> None:
    """Put a refusal on the form. What is none of the form's is raised again."""
    found = _SAID.get(refused.code)
    if found is None:
        raise refused
    form.refuse(*found)
