"""/organise/companies: find one, make one, publish it, say who owns it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hub.ports import StaleVersion, WebSession
from hub.ports.companies import Company, CompanyDraft, CompanyExists, CompanyFilter
from hub.services import SERVICES, Services
from hub.web import countries, form_texts, i18n
from hub.web.audits import audit
from hub.web.bodies import Company as CompanyName
from hub.web.bodies import Slug
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import first_page, locale_of, next_page, organiser, render, see
from hub.web.talks import take_out
from rooms.model import SLUG

PAGE: Final = 50
PATH: Final = "/organise/companies"


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("slug", "company_exists"): _("A company has this address already."),
        ("email", "unknown"): _("Nobody has registered with this e-mail address."),
        ("email", "refused"): _("That cannot be: the company has as many staff as there can be."),
    }
)


def _country(value: str) -> str:
    if not countries.is_country(value):
        raise PydanticCustomError("not_allowed", "no such country")
    return value


class CompanyForm(FormModel):
    name: CompanyName
    slug: Slug
    sector: Slug
    country: Annotated[str, AfterValidator(_country)]
    booth: Annotated[str, Field(max_length=40)] | None = None
    on_site: bool = False
    online: bool = False
    published: bool = False


class StaffForm(FormModel):
    email: Annotated[str, Field(max_length=254)]
    role: Literal["owner", "editor", "staff"] = "owner"


async def listing(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    settings = await services.fair.settings.current()
    q = request.query.get("q", "")[:100]
    # An address typed in full finds a page that is not published too.
    if SLUG.fullmatch(q) and (exact := await services.fair.companies.get(q)) is not None:
        raise see(f"{PATH}/{exact.slug}")
    listed = countries.listed(locale_of(request))
    sector, country = request.query.get("sector", ""), request.query.get("country", "")
    where = CompanyFilter(
        q=q,
        sector=sector if settings.sector(sector) else None,
        country=country if countries.is_country(country) else None,
    )
    cursor = request.query.get("cursor") or None
    hidden = request.query.get("state") == "unpublished"
    similar: tuple[Company, ...] = ()
    total = None
    try:
        if hidden:
            if cursor is not None and not SLUG.fullmatch(cursor):
                raise web.HTTPBadRequest()
            items, following = await services.fair.companies.unpublished(where, cursor, PAGE)
        else:
            page = await services.fair.companies.search(where, cursor, PAGE)
            items, following, similar, total = page.items, page.next, page.similar, page.total
    except ValueError:
        raise web.HTTPBadRequest() from None
    return await render(
        request, "companies", items=items, similar=similar, total=total, hidden=hidden,
        where=where, settings=settings, countries=listed, names=dict(listed),
        filtered=bool(q or where.sector or where.country or hidden),
        following=next_page(request, following), first=first_page(request),
    )  # fmt: skip


async def new(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    if request.method == "GET":
        return await _new_page(request, shown({"online": True, "published": True}))
    form = await read_form(request, CompanyForm)
    settings = await services.fair.settings.current()
    if form.data is not None and settings.sector(form.data.sector) is None:
        form.refuse("sector", "not_allowed")
    if form.data is None:
        return await _new_page(request, form)
    draft = CompanyDraft(**form.data.model_dump())
    try:
        await services.fair.companies.create(draft)
    except CompanyExists:
        return await _new_page(request, form.refuse("slug", "company_exists"))
    await audit(
        request, session.identity, "company.create", f"company:{draft.slug}", {"name": draft.name}
    )
    raise see(f"{PATH}/{draft.slug}", "made")


async def _new_page(request: web.Request, form: Form[Any]) -> web.Response:
    settings = await request.app[SERVICES].fair.settings.current()
    reader = i18n.language_of(request)
    return await render(
        request, "company_new", form=form, countries=countries.listed(locale_of(request)),
        sectors=[(sector.slug, sector.name(reader)) for sector in settings.sectors],
        status=422 if form.errors else 200,
    )  # fmt: skip


async def _company(request: web.Request) -> tuple[Services, WebSession, Company]:
    services, session = await organiser(request)
    slug = request.match_info["company"]
    found = await services.fair.companies.get(slug) if SLUG.fullmatch(slug) else None
    if found is None:
        raise web.HTTPNotFound()
    return services, session, found


async def _page(
    request: web.Request, services: Services, company: Company, form: Form[Any] | None = None
) -> web.Response:
    form = form or shown({"role": "owner"})
    return await render(
        request, "company", company=company, form=form,
        staff=await services.fair.companies.staff(company.slug),
        files=await services.fair.companies.files(company.slug),
        visitors=await services.fair.companies.visitor_counts(company.slug),
        settings=await services.fair.settings.current(),
        country=countries.name_of(company.draft.country, locale_of(request)),
        status=422 if form.errors else 200,
    )  # fmt: skip


async def one(request: web.Request) -> web.Response:
    services, _session, company = await _company(request)
    return await _page(request, services, company)


async def publish(request: web.Request) -> web.Response:
    """Publishes, or takes back: the last part of the path says which."""
    services, session, company = await _company(request)
    await read_form(request, FormModel)
    published = request.path.endswith("/publish")
    try:
        await services.fair.companies.change(
            company.version, replace(company.draft, published=published)
        )
    except StaleVersion:
        return await _page(request, services, company, shown({}).refuse("version", "stale"))
    act = "company.publish" if published else "company.unpublish"
    await audit(request, session.identity, act, f"company:{company.slug}", {})
    raise see(f"{PATH}/{company.slug}", "published" if published else "unpublished")


async def staff(request: web.Request) -> web.Response:
    services, session, company = await _company(request)
    form = await read_form(request, StaffForm)
    data = form.data
    if data is None:
        return await _page(request, services, company, form)
    person = await services.fair.people.by_email(data.email)
    if person is None:
        return await _page(request, services, company, form.refuse("email", "unknown"))
    kept = await services.fair.companies.set_staff(
        company.slug, person.id, data.role, person.position, True, force=True
    )
    if not kept:
        return await _page(request, services, company, form.refuse("email", "refused"))
    detail = {"person": person.id, "role": data.role}
    await audit(request, session.identity, "company.staff", f"company:{company.slug}", detail)
    raise see(f"{PATH}/{company.slug}", "staff")


async def remove(request: web.Request) -> web.Response:
    services, session, company = await _company(request)
    await read_form(request, FormModel)
    person = request.match_info["person"]
    left = await services.fair.companies.remove_staff(company.slug, person, force=True)
    if left is not None:
        await take_out(services, left.rooms, person)
        await audit(
            request, session.identity, "company.staff_removed", f"company:{company.slug}",
            {"person": person},
        )  # fmt: skip
    raise see(f"{PATH}/{company.slug}", "removed")


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, listing)
    app.router.add_get(f"{PATH}/new", new)
    app.router.add_post(f"{PATH}/new", new)
    app.router.add_get(f"{PATH}/{{company}}", one)
    for name, handler in (
        ("publish", publish), ("unpublish", publish), ("staff", staff),
        ("staff/{person}/remove", remove),
    ):  # fmt: skip
        app.router.add_post(f"{PATH}/{{company}}/{name}", handler)
