"""The directory, a company's page, what one keeps; pictures and downloads.

/companies                     directory       /companies/{company}     one company
/companies/{company}/favour    POST            /companies/{company}/card       POST
/companies/{company}/files/{file}              /media/{name}
/me/favourites                 favourites      /me/companies            where one works, cards left
"""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from hub.ports.companies import EDITS, Company, CompanyFilter, StaffRole
from hub.ports.fair import FairSettings, pick
from hub.ports.programme import Filter
from hub.ports.results import ResultFilter
from hub.services import SERVICES, Services
from hub.web import auth, i18n
from hub.web.bodies_companies import CardNote
from hub.web.companies_api import media_url
from hub.web.countries import is_country, name_of
from hub.web.fairtime import language_name
from hub.web.forms import FormModel, read_form, shown
from hub.web.pages import FOREVER, PAGES
from hub.web.results import Words
from hub.web.sheets import disposition
from rooms.model import SLUG, Role

PAGE: Final = 24
READY_S: Final = 2.0  # so that no reader waits for what changed
CONFERENCES: Final = 20
RESULTS: Final = 10
COUNTRIES_SHOWN: Final = 250
_MEDIA: Final = re.compile(r"([0-9a-f]{64})\.webp")
_QUERY_MAX: Final = 100


def language_of(request: web.Request) -> i18n.Language:
    return request.app[PAGES].languages[i18n.language_of(request)]


class Shown:
    """A company as templates show it, in the reader's language."""

    def __init__(self, one: Company, fair: FairSettings, language: i18n.Language) -> None:
        draft = one.draft
        self.slug = draft.slug
        self.published = draft.published
        self.name, self.name_lang = pick(draft.names, language.tag)
        if self.name_lang.split("-")[0] != language.tag.split("-")[0] or not self.name:
            self.name, self.name_lang = draft.name, ""
        self.other_name = draft.name if draft.name != self.name else ""
        self.summary, self.summary_lang = pick(draft.summary, language.tag)
        about, self.about_lang = pick(draft.about, language.tag)
        self.about = [part.strip() for part in about.split("\n\n") if part.strip()]
        self.texts = sorted(
            (tag, language_name(tag, language.locale)) for tag in draft.about if tag
        )
        self.sector, self.sector_name = draft.sector, fair.sector_name(draft.sector, language.tag)
        self.country, self.country_name = draft.country, name_of(draft.country, language.locale)
        self.logo = media_url(one.logo)
        self.logo_small = media_url(one.logo_small)
        self.booth, self.on_site, self.online = draft.booth, draft.on_site, draft.online
        self.website = draft.website
        self.links = draft.links


# --- the directory ------------------------------------------------------------------------


def filter_of(request: web.Request, fair: FairSettings) -> CompanyFilter:
    """From the address; what makes no sense there counts as not asked."""
    query = request.query
    q = "".join(char for char in query.get("q", "")[:_QUERY_MAX] if char.isprintable())
    sector, country = query.get("sector", ""), query.get("country", "")
    return CompanyFilter(
        q=q.strip(),
        sector=sector if SLUG.fullmatch(sector) else None,
        country=country if is_country(country) else None,
        on_site=query.get("on_site") == "1",
        online=query.get("online") == "1",
    )


def _address(request: web.Request, **changes: str | None) -> str:
    """This list with other filters, from its beginning."""
    kept = {
        name: value
        for name, value in request.query.items()
        if name in ("q", "sector", "country", "on_site", "online", "live") and value
    }
    kept.update({name: value or "" for name, value in changes.items()})
    return str(request.rel_url.with_path("/companies").with_query(
        {name: value for name, value in kept.items() if value}
    ))  # fmt: skip


async def directory(request: web.Request) -> web.Response:
    services, pages = request.app[SERVICES], request.app[PAGES]
    companies, language = services.fair.companies, language_of(request)
    fair = await services.fair.settings.current()
    where = filter_of(request, fair)
    live = await companies.live_now()
    live_only = request.query.get("live") == "1"
    if live_only:
        where = CompanyFilter(**{**_fields(where), "live": live})
    cursor = request.query.get("cursor") or None
    try:
        page = await companies.search(where, cursor, PAGE)
    except ValueError:  # an old or invented address: from the beginning
        raise web.HTTPSeeOther(_address(request)) from None
    person = _account(await auth.session_of(request))
    kept: frozenset[str] = frozenset()
    if person is not None:
        kept = await companies.favoured(person, [one.slug for one in page.items])
    sectors = [
        (one.slug, one.name(language.tag), page.facets.sectors.get(one.slug, 0))
        for one in fair.sectors
    ]
    known = {one.slug for one in fair.sectors}
    sectors += [(slug, slug, n) for slug, n in page.facets.sectors.items() if slug not in known]
    countries = sorted(
        ((code, name_of(code, language.locale), n) for code, n in page.facets.countries.items()),
        key=lambda row: (-row[2], row[1].encode("gb18030", "replace")),
    )[:COUNTRIES_SHOWN]
    if where.country and all(code != where.country for code, _, _ in countries):
        countries.append((where.country, name_of(where.country, language.locale), 0))
    following = _address(request, cursor=page.next) if page.next else None
    return await pages.render(
        request, "companies.html",
        items=[Shown(one, fair, language) for one in page.items],
        similar=[Shown(one, fair, language) for one in page.similar],
        facets=page.facets, total=page.total, where=where, live=live, live_only=live_only,
        sectors=sectors, countries=countries, kept=kept, address=lambda **c: _address(request, **c),
        filtered=live_only or where != CompanyFilter(),
        following=following, first=_address(request) if cursor else None,
        back=request.path_qs,
    )  # fmt: skip


def _fields(where: CompanyFilter) -> dict[str, Any]:
    return {name: getattr(where, name) for name in CompanyFilter.__slots__}


def _account(session: Any) -> str | None:
    """The id of the signed-in account; sign-in links have none."""
    return session.identity.id if session is not None and session.account else None


# --- one company --------------------------------------------------------------------------


async def find(request: web.Request) -> tuple[Company, StaffRole | None, bool]:
    """(company, the reader's role in it, whether they run the fair). Raises HTTPNotFound for
    what the reader may not see, exactly as for what is not there."""
    companies, slug = request.app[SERVICES].fair.companies, request.match_info["company"]
    session = await auth.session_of(request)
    found = await companies.get(slug) if SLUG.fullmatch(slug) else None
    if found is None:
        raise web.HTTPNotFound()
    organiser = session is not None and session.identity.role is Role.ORGANISER
    person = _account(session)
    role = await companies.role_of(slug, person) if person else None
    if not (found.draft.published or organiser or role is not None):
        raise web.HTTPNotFound()
    return found, role, organiser


class CardForm(FormModel):
    note: CardNote | None = None


async def _show(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    form: Any = None, status: int = 200,
) -> web.Response:  # fmt: skip
    services, pages, language = request.app[SERVICES], request.app[PAGES], language_of(request)
    companies = services.fair.companies
    fair = await services.fair.settings.current()
    person = _account(await auth.session_of(request))
    card = None
    favourite = False
    if person is not None:
        card = await companies.card_of(person, found.slug)
        favourite = found.slug in await companies.favoured(person, [found.slug])
        if role is None and request.method == "GET":
            await companies.visited(person, found.slug)
    conferences, _ = await services.fair.conferences.find(
        Filter(company=found.slug, cancelled=False), None, CONFERENCES
    )
    results, _more = await services.fair.results.find(
        ResultFilter(company=found.slug), None, RESULTS
    )
    one = Shown(found, fair, language)
    asked = request.query.get("text", "")
    if asked in found.draft.about:
        about = found.draft.about[asked]
        one.about = [part.strip() for part in about.split("\n\n") if part.strip()]
        one.about_lang = asked
        one.summary = found.draft.summary.get(asked, one.summary)
        one.summary_lang = asked if asked in found.draft.summary else one.summary_lang
    return await pages.render(
        request, "company.html", status=status,
        one=one,
        staff=[who for who in await companies.staff(found.slug) if who.shown],
        files=[(file, size_text(file.size)) for file in await companies.files(found.slug)],
        conferences=[
            (talk, *_title(talk.draft.titles, talk.draft.title, language)) for talk in conferences
        ],
        results=results, words=Words(request, fair),
        live=found.slug in await companies.live_now(),
        favourite=favourite, card=card, may_edit=organiser or role in EDITS, works_here=role,
        form=form or shown({"note": card.note if card else None}),
        done=request.query.get("done", ""),
    )  # fmt: skip


def _title(texts: Any, otherwise: str, language: i18n.Language) -> tuple[str, str]:
    text, tag = pick(texts, language.tag)
    return (text, tag) if text else (otherwise, "")


def size_text(size: int) -> str:
    return f"{size / 1_048_576:.1f} MB" if size >= 104_858 else f"{max(1, size // 1024)} KB"


async def company(request: web.Request) -> web.Response:
    return await _show(request, *(await find(request)))


async def _need_account(request: web.Request) -> str:
    """The signed-in account, else to the sign-in page and back to the company."""
    session = await auth.need_person(request)
    person = _account(session)
    if person is None:
        raise web.HTTPForbidden()
    return person


def _company_url(request: web.Request, done: str) -> str:
    return f"/companies/{request.match_info['company']}?done={done}"


async def favour(request: web.Request) -> web.Response:
    """One button: keeps the company, or keeps it no longer."""
    person = await _need_back(request)
    found, _, _ = await find(request)
    form = await read_form(request, FavourForm)
    keep = form.value("on") == "1"
    await request.app[SERVICES].fair.companies.favour(person, found.slug, keep)
    back = auth.safe_next(form.value("back"), f"/companies/{found.slug}")
    raise web.HTTPSeeOther(back)


class FavourForm(FormModel):
    on: str = ""
    back: str = ""


async def _need_back(request: web.Request) -> str:
    """``_need_account`` for a form: signing in leads to the page the form is on."""
    if await auth.session_of(request) is None:
        slug = request.match_info["company"]
        raise web.HTTPSeeOther(f"/login?next=/companies/{slug if SLUG.fullmatch(slug) else ''}")
    return await _need_account(request)


async def leave_card(request: web.Request) -> web.Response:
    person = await _need_back(request)
    found, role, organiser = await find(request)
    form = await read_form(request, CardForm)
    companies = request.app[SERVICES].fair.companies
    if form.data is None:
        return await _show(request, found, role, organiser, form, 422)
    if not await companies.leave_card(person, found.slug, form.data.note):
        raise web.HTTPNotFound()
    raise web.HTTPSeeOther(_company_url(request, "card") + "#card")


async def withdraw_card(request: web.Request) -> web.Response:
    person = await _need_back(request)
    found, _, _ = await find(request)
    await read_form(request, FormModel)
    await request.app[SERVICES].fair.companies.withdraw_card(person, found.slug)
    raise web.HTTPSeeOther(_company_url(request, "withdrawn") + "#card")


# --- pictures and downloads ---------------------------------------------------------------


async def media(request: web.Request) -> web.Response:
    """A picture by the hash of its bytes: it never changes, so it is kept for ever."""
    name = _MEDIA.fullmatch(request.match_info["name"])
    if name is None:
        raise web.HTTPNotFound()
    etag = f'"{name[1][:32]}"'
    headers = {"Cache-Control": FOREVER, "ETag": etag, "X-Content-Type-Options": "nosniff"}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    blob = await request.app[SERVICES].fair.companies.blob(name[1])
    if blob is None or blob.content_type != "image/webp":
        raise web.HTTPNotFound()
    return web.Response(body=blob.body, content_type=blob.content_type, headers=headers)


async def download(request: web.Request) -> web.Response:
    """Always an attachment, whatever it is: nothing a company sent runs in this origin."""
    found, _, _ = await find(request)
    companies = request.app[SERVICES].fair.companies
    wanted = request.match_info["file"]
    file = next((file for file in await companies.files(found.slug) if file.id == wanted), None)
    blob = await companies.blob(file.hash) if file else None
    if file is None or blob is None:
        raise web.HTTPNotFound()
    headers = {
        "Content-Disposition": disposition(file.filename),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=blob.body, content_type=file.content_type, headers=headers)


# --- what one keeps -----------------------------------------------------------------------


async def favourites(request: web.Request) -> web.Response:
    person = await _need_account(request)
    services, language = request.app[SERVICES], language_of(request)
    try:
        page, following = await services.fair.companies.favourites(
            person, request.query.get("cursor") or None, PAGE
        )
    except ValueError:
        raise web.HTTPSeeOther("/me/favourites") from None
    fair = await services.fair.settings.current()
    return await request.app[PAGES].render(
        request, "favourites.html",
        items=[Shown(one, fair, language) for one in page],
        kept=frozenset(one.slug for one in page),
        live=await services.fair.companies.live_now(),
        following=f"/me/favourites?cursor={following}" if following else None,
        back="/me/favourites",
    )  # fmt: skip


async def my_companies(request: web.Request) -> web.Response:
    person = await _need_account(request)
    services, language = request.app[SERVICES], language_of(request)
    companies = services.fair.companies
    fair = await services.fair.settings.current()
    mine = await companies.memberships(person)
    records = await companies.many([one.company for one in mine])
    return await request.app[PAGES].render(
        request, "my_companies.html",
        companies=[
            (Shown(records[one.company], fair, language), one.role, one.role in EDITS)
            for one in mine
            if one.company in records
        ],
        cards=[
            (Shown(one, fair, language), card) for one, card in await companies.cards_left(person)
        ],
    )  # fmt: skip


def setup(app: web.Application, services: Services) -> None:
    services.jobs.every(READY_S, "directory", services.fair.companies.keep_ready)
    add = app.router
    add.add_get("/companies", directory)
    add.add_get("/companies/{company}", company)
    add.add_post("/companies/{company}/favour", favour)
    add.add_post("/companies/{company}/card", leave_card)
    add.add_post("/companies/{company}/card/withdraw", withdraw_card)
    add.add_get("/companies/{company}/files/{file}", download)
    add.add_get("/media/{name}", media)
    add.add_get("/me/favourites", favourites)
    add.add_get("/me/companies", my_companies)
