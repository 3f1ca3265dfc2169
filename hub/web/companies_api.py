"""/companies: the directory, readable by anyone; /me/favourites and /me/cards.

Organisers write everything, a company's owners and editors their own page. What one may not
see answers like what does not exist.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from hub.ports import StaleVersion
from hub.ports.companies import (
    EDITS,
    Company,
    CompanyDraft,
    CompanyExists,
    CompanyFilter,
    Link,
)
from hub.ports.fair import FairSettings
from hub.services import SERVICES, Services
from hub.web.audits import audit
from hub.web.auth import Caller, caller_of, need_caller, need_fair_organiser
from hub.web.bodies import read
from hub.web.bodies_companies import (
    CompanyBody,
    CompanyCreate,
    CompanyList,
    CompanyPatch,
)
from hub.web.countries import is_country
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.routes import BASE, Query, Route
from rooms.errors import Code, Refusal
from rooms.model import SLUG, Role
from rooms.times import rfc3339

PAGE: Final = 48
NO_STORE: Final = {"Cache-Control": "no-store"}
#: What staff do not decide about their own company.
ORGANISERS_OWN: Final = frozenset({"published", "booth", "on_site", "external_key"})


def unknown() -> Problem:
    return Problem(404, "unknown_company", "there is no such company")


def media_url(hash: str | None) -> str | None:
    return f"/media/{hash}.webp" if hash else None


def is_organiser(caller: Caller | None) -> bool:
    return caller is not None and caller.everywhere and caller.identity.role is Role.ORGANISER


# --- shapes -------------------------------------------------------------------------------


def summary_body(one: Company, live: frozenset[str]) -> dict[str, Any]:
    draft = one.draft
    return {
        "slug": draft.slug,
        "name": draft.name,
        "names": dict(draft.names),
        "sector": draft.sector,
        "country": draft.country,
        "summary": dict(draft.summary),
        "logo": media_url(one.logo),
        "booth": draft.booth,
        "on_site": draft.on_site,
        "online": draft.online,
        "live": draft.slug in live,
    }


def company_body(one: Company, live: frozenset[str], *, organiser: bool) -> dict[str, Any]:
    draft = one.draft
    return {
        **summary_body(one, live),
        "about": dict(draft.about),
        "website": draft.website,
        "links": [{"title": link.title, "url": link.url} for link in draft.links],
        "published": draft.published,
        "version": one.version,
        "changed_at": rfc3339(one.changed_ms),
        "external_key": draft.external_key if organiser else None,
    }


def etag_of(one: Company) -> str:
    return f'"{one.version}-{one.changed_ms:x}"'


async def _answer(
    services: Services, one: Company, status: int = 200, *, organiser: bool, **headers: str
) -> web.Response:
    live = await services.fair.companies.live_now()
    return web.json_response(
        company_body(one, live, organiser=organiser),
        status=status,
        headers={"ETag": etag_of(one), **NO_STORE, **headers},
    )


def draft_of(values: dict[str, Any], before: CompanyDraft | None = None) -> CompanyDraft:
    """What the fields of a body make of ``before``."""
    known = dict(values)
    if "links" in known:
        known["links"] = tuple(Link(link.title, link.url) for link in known["links"])
    return CompanyDraft(**known) if before is None else replace(before, **known)


def check_sector(draft: CompanyDraft, fair: FairSettings, before: CompanyDraft | None) -> None:
    """A sector of the fair, or the one it had. Raises Invalid."""
    kept = before is not None and before.sector == draft.sector
    if fair.sector(draft.sector) is None and not kept:
        raise Invalid([("sector", "unknown_sector")])


async def find_company(request: web.Request, caller: Caller | None) -> Company:
    """The one of the path, as far as ``caller`` may see it. Raises Problem(404)."""
    services, slug = request.app[SERVICES], request.match_info["company"]
    found = await services.fair.companies.get(slug) if SLUG.fullmatch(slug) else None
    if found is None:
        raise unknown()
    seen = found.draft.published or is_organiser(caller)
    if not seen and (caller is None or await role_in(services, caller, slug) is None):
        raise unknown()
    return found


async def role_in(services: Services, caller: Caller, company: str) -> str | None:
    """The caller's role in the company; room tokens and guests have none."""
    if caller.how in ("key", "token", "guest") or caller.identity.room is not None:
        return None
    return await services.fair.companies.role_of(company, caller.identity.id)


async def need_editor(request: web.Request, *roles: str) -> tuple[Caller, Company]:
    """An organiser, or staff of the company in one of ``roles``. Raises Refusal, Problem."""
    caller = await need_caller(request)
    found = await find_company(request, caller)
    if not is_organiser(caller):
        role = await role_in(request.app[SERVICES], caller, found.slug)
        if role not in (roles or EDITS):
            raise Refusal(Code.FORBIDDEN, "this needs an organiser, or editors of the company")
    return caller, found


# --- the directory ------------------------------------------------------------------------


async def list_companies(request: web.Request) -> web.Response:
    companies = request.app[SERVICES].fair.companies
    sector, country = text(request, "sector", 64), text(request, "country", 2)
    if sector is not None and not SLUG.fullmatch(sector):
        raise Invalid([("sector", "bad_format")])
    if country is not None and not is_country(country):
        raise Invalid([("country", "not_allowed")])
    where = [choice(request, name, ("true", "false")) == "true" for name in FLAGS]
    q, cursor, limit = text(request, "q", 100), cursor_text(request), limit_of(request, PAGE)
    live = await companies.live_now()
    wanted = CompanyFilter(q or "", sector, country, where[0], where[1], live if where[2] else None)
    try:
        page = await companies.search(wanted, cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    facets = page.facets
    return web.json_response(
        {
            "items": [summary_body(one, live) for one in page.items],
            "next": page.next,
            "total": page.total,
            "facets": {
                "sectors": dict(facets.sectors), "countries": dict(facets.countries),
                "on_site": facets.on_site, "online": facets.online, "live": facets.live,
            },
            "similar": [summary_body(one, live) for one in page.similar],
        },
        headers=NO_STORE,
    )  # fmt: skip


async def get(request: web.Request) -> web.Response:
    caller = await caller_of(request)
    found = await find_company(request, caller)
    return await _answer(request.app[SERVICES], found, organiser=is_organiser(caller))


# --- writing ------------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    caller = await need_fair_organiser(request)
    services = request.app[SERVICES]
    body = await read(request, CompanyCreate)
    draft = draft_of({name: getattr(body, name) for name in CompanyCreate.model_fields})
    check_sector(draft, await services.fair.settings.current(), None)
    try:
        made = await services.fair.companies.create(draft)
    except CompanyExists:
        raise _exists() from None
    await audit(request, caller.identity, "company.create", f"company:{made.slug}", {})
    where = f"{BASE}/companies/{made.slug}"
    return await _answer(services, made, 201, organiser=True, Location=where)


def _exists() -> Problem:
    return Problem(409, "company_exists", "the slug or the external key is taken")


def _need_match(request: web.Request, one: Company) -> None:
    condition = request.headers.get("If-Match")
    if condition is None:
        raise Problem(428, "precondition_required", "If-Match with the ETag is needed")
    if not {"*", etag_of(one)} & {part.strip() for part in condition.split(",")}:
        raise Problem(412, "stale", "the company was changed since; read it again")


async def change(request: web.Request) -> web.Response:
    """Compare and swap by ETag."""
    caller, found = await need_editor(request)
    services, organiser = request.app[SERVICES], is_organiser(caller)
    _need_match(request, found)
    body = await read(request, CompanyPatch)
    fields = set(body.model_fields_set)
    if not organiser and fields & ORGANISERS_OWN:
        raise Invalid([(name, "not_allowed") for name in sorted(fields & ORGANISERS_OWN)])
    draft = draft_of({name: getattr(body, name) for name in fields}, found.draft)
    check_sector(draft, await services.fair.settings.current(), found.draft)
    if draft != found.draft:
        try:
            found = await services.fair.companies.change(found.version, draft)
        except StaleVersion:
            raise Problem(412, "stale", "the company was changed since; read it again") from None
        except LookupError:
            raise unknown() from None
        except CompanyExists:
            raise _exists() from None
        if organiser:
            detail = {"fields": sorted(fields)}
            await audit(request, caller.identity, "company.change", f"company:{draft.slug}", detail)
    return await _answer(services, found, organiser=organiser)


async def delete(request: web.Request) -> web.Response:
    caller = await need_fair_organiser(request)
    found = await find_company(request, caller)
    if not await request.app[SERVICES].fair.companies.delete(found.slug):
        raise unknown()
    await audit(
        request, caller.identity, "company.delete", f"company:{found.slug}",
        {"name": found.draft.name},
    )  # fmt: skip
    return web.Response(status=204)


FLAGS: Final = ("on_site", "online", "live")
_ETAG: Final = ("ETag", "names the version, for If-Match")
_BOOL: Final = {"type": "string", "enum": ["true", "false"]}
PAGING: Final = (
    Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
    Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "items a page"),
)

ROUTES: Final = (
    Route(
        "GET", "/companies", list_companies, "listCompanies", "The directory, with counts", 200,
        CompanyList, problems=(422,), public=True,
        query=(
            Query("q", {"type": "string", "maxLength": 100}, "words, in any language"),
            Query("sector", {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}, "one sector"),
            Query("country", {"type": "string", "pattern": "^[A-Z]{2}$"}, "ISO 3166-1 alpha-2"),
            Query("on_site", _BOOL, "those with a booth"),
            Query("online", _BOOL, "those online"),
            Query("live", _BOOL, "those with someone in a room now"),
            *PAGING,
        ),
    ),
    Route(
        "POST", "/companies", create, "createCompany", "Create a company", 201, CompanyBody,
        body=CompanyCreate, problems=(409,), headers=(_ETAG, ("Location", "the company")),
    ),
    Route(
        "GET", "/companies/{company}", get, "getCompany", "One company", 200, CompanyBody,
        problems=(401, 403, 404), headers=(_ETAG,), public=True,
    ),
    Route(
        "PATCH", "/companies/{company}", change, "changeCompany", "Change a company", 200,
        CompanyBody, body=CompanyPatch, problems=(404, 409, 412, 428), headers=(_ETAG,),
        if_match=True,
    ),
    Route(
        "DELETE", "/companies/{company}", delete, "deleteCompany", "Delete a company", 204, None,
        problems=(404,),
    ),
)  # fmt: skip
