"""A company's staff and invitations, and the lists of who was interested (see company_edit)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from aiohttp import web

from hub.ports.companies import Company, StaffRole
from hub.services import SERVICES
from hub.sheets import Cell
from hub.web import auth, i18n
from hub.web.bodies_companies import Line80, StaffRoleName
from hub.web.companies_pages import Shown, language_of
from hub.web.company_edit import Nothing, back, need, render
from hub.web.countries import name_of
from hub.web.forms import Form, FormModel, read_form
from hub.web.pages import PAGES
from hub.web.people_fields import Email
from hub.web.sheets import Format, send
from hub.web.talks import take_out
from rooms.model import PERSON_ID

ALL: Final = ("owner", "editor", "staff")
PAGE: Final = 50
BATCH: Final = 500


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


CARD_HEADER: Final = (
    _("Name"), _("E-mail"), _("Organisation"), _("Position"), _("Country or region"), _("Note"),
    _("When (UTC)"),
)  # fmt: skip
VISITOR_HEADER: Final = (
    _("Name"), _("Organisation"), _("Position"), _("Country or region"), _("Visits"),
    _("Last visit (UTC)"),
)  # fmt: skip


class StaffForm(FormModel):
    role: StaffRoleName
    title: Line80 | None = None
    shown: bool = False


class InviteForm(FormModel):
    email: Email
    role: StaffRoleName


# --- staff --------------------------------------------------------------------------------


async def _staff_page(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    form: Form[Any] | None = None, status: int = 200,
) -> web.Response:  # fmt: skip
    companies = request.app[SERVICES].fair.companies
    return await render(
        request, found, role, organiser, "staff", status,
        staff=await companies.staff(found.slug), invites=await companies.invites(found.slug),
        form=form or Form(typed={"role": ["editor"]}),
    )  # fmt: skip


async def staff(request: web.Request) -> web.Response:
    return await _staff_page(request, *(await need(request, ("owner",))))


def _person(request: web.Request) -> str:
    person = request.match_info["person"]
    if not PERSON_ID.fullmatch(person):
        raise web.HTTPNotFound()
    return person


async def change_staff(request: web.Request) -> web.Response:
    found, _, organiser = await need(request, ("owner",))
    form, person = await read_form(request, StaffForm), _person(request)
    companies = request.app[SERVICES].fair.companies
    if form.data is None or await companies.role_of(found.slug, person) is None:
        raise back(found, "staff", "refused")
    data = form.data
    done = await companies.set_staff(
        found.slug, person, data.role, data.title, data.shown, force=organiser
    )
    raise back(found, "staff", "saved" if done else "last_owner")


async def remove_staff(request: web.Request) -> web.Response:
    found, _, organiser = await need(request, ("owner",))
    await read_form(request, Nothing)
    services, person = request.app[SERVICES], _person(request)
    left = await services.fair.companies.remove_staff(found.slug, person, force=organiser)
    if left is not None:
        await take_out(services, left.rooms, person)
    raise back(found, "staff", "last_owner" if left is None else "removed")


async def invite(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ("owner",))
    session = await auth.need_person(request)
    form = await read_form(request, InviteForm)
    services = request.app[SERVICES]
    token = None
    if form.data is not None:
        data = form.data
        token = await services.fair.companies.invite(
            found.slug, data.email, data.role, session.identity.id
        )
        if token is None:
            form.refuse("email", "too_many_invites")
        else:
            await _mail(request, found, data.email, token, session.identity.name)
    if token is None:
        return await _staff_page(request, found, role, organiser, form, 422)
    raise back(found, "staff", "invited")


async def _mail(request: web.Request, found: Company, address: str, token: str, by: str) -> None:
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    known = await services.fair.people.by_email(address)
    language = known.language if known is not None else i18n.language_of(request)
    url = services.config.public_url.rstrip("/")
    await services.fair.mails.queue(
        address, "invite", language,
        {
            "fair": fair.name_in(language), "company": found.draft.name, "by": by, "url": url,
            "link": f"{url}/invitations/{token}",
        },
        known.id if known is not None else None,
    )  # fmt: skip


async def revoke(request: web.Request) -> web.Response:
    found, _, _ = await need(request, ("owner",))
    await read_form(request, Nothing)
    companies = request.app[SERVICES].fair.companies
    await companies.revoke_invite(found.slug, request.match_info["invite"])
    raise back(found, "staff", "revoked")


async def invitation(request: web.Request) -> web.Response:
    """What a mailed link shows: opening it alone changes nothing (mail scanners open links)."""
    services, language = request.app[SERVICES], language_of(request)
    found = await services.fair.companies.invited_to(request.match_info["token"])
    fair = await services.fair.settings.current()
    return await request.app[PAGES].render(
        request, "invitation.html", status=200 if found else 404,
        one=Shown(found[0], fair, language) if found else None,
        offered=found[1] if found else None,
    )  # fmt: skip


async def accept(request: web.Request) -> web.Response:
    session = await auth.need_person(request)
    await read_form(request, Nothing)
    if not session.account:
        raise web.HTTPForbidden()
    companies = request.app[SERVICES].fair.companies
    company = await companies.accept(request.match_info["token"], session.identity.id)
    if company is None:
        raise web.HTTPSeeOther(request.path)
    raise web.HTTPSeeOther("/me/companies")


# --- who was interested -------------------------------------------------------------------


async def cards(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    companies = request.app[SERVICES].fair.companies
    cursor = request.query.get("cursor") or None
    try:
        page, following = await companies.cards(found.slug, cursor, PAGE)
    except ValueError:
        raise web.HTTPSeeOther(f"/companies/{found.slug}/cards") from None
    locale = language_of(request).locale
    return await render(
        request, found, role, organiser, "cards",
        cards=[(card, name_of(card.country, locale)) for card in page],
        following=f"?cursor={following}" if following else None,
    )  # fmt: skip


async def visitors(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, ALL)
    companies = request.app[SERVICES].fair.companies
    cursor = request.query.get("cursor") or None
    try:
        page, following = await companies.visitors(found.slug, cursor, PAGE)
    except ValueError:
        raise web.HTTPSeeOther(f"/companies/{found.slug}/visitors") from None
    locale = language_of(request).locale
    total, listed = await companies.visitor_counts(found.slug)
    return await render(
        request, found, role, organiser, "visitors",
        visitors=[(who, name_of(who.country, locale) if who.country else "") for who in page],
        following=f"?cursor={following}" if following else None, total=total, listed=listed,
    )  # fmt: skip


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


async def export_cards(request: web.Request) -> web.StreamResponse:
    found, _, _ = await need(request, ALL)
    companies, text = request.app[SERVICES].fair.companies, language_of(request).text

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        cursor, more = None, True
        while more:
            page, cursor = await companies.cards(found.slug, cursor, BATCH)
            for card in page:
                yield (
                    card.name, card.email, card.organisation, card.position, card.country,
                    card.note, _moment(card.changed_ms),
                )  # fmt: skip
            more = cursor is not None

    header = [text(word) for word in CARD_HEADER]
    return await send(request, f"{found.slug}-cards", _format(request), header, rows())


async def export_visitors(request: web.Request) -> web.StreamResponse:
    found, _, _ = await need(request, ALL)
    companies, text = request.app[SERVICES].fair.companies, language_of(request).text

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        cursor, more = None, True
        while more:
            page, cursor = await companies.visitors(found.slug, cursor, BATCH)
            for who in page:
                yield (
                    who.name, who.organisation, who.position, who.country, who.times,
                    _moment(who.last_ms),
                )  # fmt: skip
            more = cursor is not None

    header = [text(word) for word in VISITOR_HEADER]
    return await send(request, f"{found.slug}-visitors", _format(request), header, rows())


def _format(request: web.Request) -> Format:
    return cast("Format", request.match_info["format"])


def setup(app: web.Application) -> None:
    add, base = app.router, "/companies/{company}"
    add.add_get(base + "/staff", staff)
    add.add_post(base + "/staff/{person}", change_staff)
    add.add_post(base + "/staff/{person}/remove", remove_staff)
    add.add_post(base + "/invites", invite)
    add.add_post(base + "/invites/{invite}/revoke", revoke)
    add.add_get(base + "/cards", cards)
    add.add_get(base + "/visitors", visitors)
    add.add_get(base + "/cards.{format:csv|xlsx}", export_cards)
    add.add_get(base + "/visitors.{format:csv|xlsx}", export_visitors)
    add.add_get("/invitations/{token:[^/.]+}", invitation)
    add.add_post("/invitations/{token:[^/.]+}", accept)
