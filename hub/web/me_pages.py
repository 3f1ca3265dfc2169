"""What people do with their own account.

/me  profile            /me/privacy  what others see
/me/security  password, address, second factor, sessions; /me/security/totp
/me/data  copy and erasure; /me/data.json
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import segno
from aiohttp import web
from pydantic import Field

from hub.ports import StaleVersion, WebSession
from hub.ports.people import SHOWABLE, Busy, PersonRecord
from hub.services import SERVICES
from hub.web import account_texts as account_texts
from hub.web import accounts, i18n
from hub.web.account_pages import choices, known_sectors, see_other
from hub.web.accounts import need_account
from hub.web.bodies import Company, Name
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.pages import PAGES
from hub.web.people_fields import (
    Country,
    Email,
    GivenPassword,
    Languages,
    NewPassword,
    Position,
    Sectors,
    TotpCode,
    Zone,
)
from rooms.errors import Refusal
from rooms.model import Role

#: Zones offered by name; the profile keeps any other that was set by the API.
ZONES: Final = (
    "UTC", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi",
    "America/Argentina/Buenos_Aires", "America/Bogota", "America/Chicago", "America/Los_Angeles",
    "America/Mexico_City", "America/New_York", "America/Sao_Paulo", "America/Toronto",
    "Asia/Bangkok", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Karachi",
    "Asia/Kolkata", "Asia/Kuala_Lumpur", "Asia/Manila", "Asia/Riyadh", "Asia/Seoul",
    "Asia/Shanghai", "Asia/Singapore", "Asia/Taipei", "Asia/Tashkent", "Asia/Tehran",
    "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin", "Europe/Istanbul", "Europe/London",
    "Europe/Madrid", "Europe/Moscow", "Europe/Paris", "Pacific/Auckland",
)  # fmt: skip


class ProfileForm(FormModel):
    name: Name
    country: Country
    organisation: Company | None = None
    position: Position | None = None
    sectors: Sectors = Field(default_factory=list)
    languages: Languages = Field(default_factory=list)
    language: Literal["en", "zh-Hans"] = "en"
    time_zone: Zone | None = None
    version: int


class PrivacyForm(FormModel):
    listed: bool = False
    shows: list[Literal["organisation", "position", "country"]] = Field(
        default_factory=list, max_length=3
    )


class PasswordForm(FormModel):
    current: GivenPassword
    password: NewPassword


class EmailForm(FormModel):
    current: GivenPassword
    email: Email


class ProofForm(FormModel):
    current: GivenPassword


class CodeForm(FormModel):
    code: TotpCode


class SessionForm(FormModel):
    session: str = Field("", max_length=80)


class EraseForm(FormModel):
    current: GivenPassword
    sure: Literal["on"]


async def _render(
    request: web.Request, template: str, me: PersonRecord, *, status: int = 200, **values: Any
) -> web.Response:
    context = {"done": request.query.get("done", ""), **values}
    return await request.app[PAGES].render(request, template, status=status, me=me, **context)


async def _proved(request: web.Request, me: PersonRecord, form: Form[Any]) -> int:
    """Whether the field ``current`` is the password; else refused, with the page's status."""
    if form.data is None:
        return 422
    try:
        if await accounts.try_password(request, me.id, form.data.current.get_secret_value()):
            return 200
    except Refusal:
        form.refuse("current", "rate_limited")
        return 429
    form.refuse("current", "wrong")
    return 422


# --- profile and privacy ---


async def _profile(request: web.Request, me: PersonRecord, form: Form[Any], status: int = 200) -> (
    web.Response
):  # fmt: skip
    zones = sorted({*ZONES, *([me.time_zone] if me.time_zone else [])})
    return await _render(
        request, "me.html", me, status=status, form=form, zones=[(z, z) for z in zones],
        tongues=list(i18n.NAMES.items()), **await choices(request),
    )  # fmt: skip


async def profile_page(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    names = [name for name in ProfileForm.model_fields]
    return await _profile(request, me, shown({name: getattr(me, name) for name in names}))


async def profile(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    form = await read_form(request, ProfileForm)
    await known_sectors(request, form)
    if form.data is None:
        return await _profile(request, me, form, 422)
    changes = form.data.model_dump()
    version = changes.pop("version")
    try:
        await request.app[SERVICES].fair.people.change(me.id, changes, version)
    except StaleVersion:
        form.typed["version"] = [str(me.version)]
        return await _profile(request, me, form.refuse("name", "stale"), 409)
    response = see_other("/me?done=saved")
    accounts.remember_language(request, response, changes["language"])
    raise response


async def privacy_page(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    form = shown({"listed": me.listed, "shows": me.shows})
    return await _render(request, "me_privacy.html", me, form=form, showable=SHOWABLE)


async def privacy(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    form = await read_form(request, PrivacyForm)
    if form.data is None:
        return await _render(
            request, "me_privacy.html", me, status=422, form=form, showable=SHOWABLE
        )
    changes = {"listed": form.data.listed, "shows": sorted(set(form.data.shows))}
    await request.app[SERVICES].fair.people.change(me.id, changes)
    raise see_other("/me/privacy?done=saved")


# --- security ---


async def _security(
    request: web.Request, session: WebSession, me: PersonRecord, status: int = 200,
    **forms: Form[Any],
) -> web.Response:  # fmt: skip
    rows = await request.app[SERVICES].fair.people.sessions(me.id)
    given = {name: forms.get(name, Form()) for name in ("password_form", "email_form", "totp_form")}
    return await _render(
        request, "me_security.html", me, status=status, rows=rows, here=session.id,
        needed=me.role is not Role.PARTICIPANT, **given,
    )  # fmt: skip


async def security_page(request: web.Request) -> web.Response:
    return await _security(request, *await need_account(request))


async def change_password(request: web.Request) -> web.Response:
    session, me = await need_account(request)
    form = await read_form(request, PasswordForm)
    status = await _proved(request, me, form)
    if form.data is None:
        return await _security(request, session, me, status, password_form=form)
    try:
        await request.app[SERVICES].fair.people.change_password(
            me.id, form.data.password.get_secret_value(), session.id
        )
    except Busy:
        form.refuse("password", "rate_limited")
        return await _security(request, session, me, 429, password_form=form)
    raise see_other("/me/security?done=password")


async def change_email(request: web.Request) -> web.Response:
    session, me = await need_account(request)
    form = await read_form(request, EmailForm)
    status = await _proved(request, me, form)
    if form.data is None:
        return await _security(request, session, me, status, email_form=form)
    if await accounts.may_mail(request, form.data.email):
        await request.app[SERVICES].fair.people.ask_change_email(me.id, form.data.email)
    raise see_other("/me/security?done=email")


async def revoke(request: web.Request) -> web.Response:
    """One session, or all but this one."""
    session, me = await need_account(request)
    form = await read_form(request, SessionForm)
    people = request.app[SERVICES].fair.people
    if form.data is None or not form.data.session:
        await people.revoke_all(me.id, session.id)
    else:
        await people.revoke(me.id, form.data.session)
    raise see_other("/me/security?done=session")


async def totp_page(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    if me.totp_on:
        raise see_other("/me/security")
    return await _totp(request, me, Form())


async def _totp(
    request: web.Request, me: PersonRecord, form: Form[Any], status: int = 200
) -> web.Response:
    services = request.app[SERVICES]
    name = (await services.fair.settings.current()).name
    totp = await services.fair.people.pending_totp(me.id, name)
    qr = (
        segno.make(totp.uri, error="m").svg_inline(scale=4, border=2, omitsize=True) if totp else ""
    )
    return await _render(
        request, "me_totp.html", me, status=status, form=form, qr=qr,
        secret=" ".join(totp.secret[at : at + 4] for at in range(0, 32, 4)) if totp else "",
    )  # fmt: skip


async def totp_begin(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    form = await read_form(request, ProofForm)
    status = await _proved(request, me, form)
    if form.data is None:
        return await _totp(request, me, form, status)
    services = request.app[SERVICES]
    name = (await services.fair.settings.current()).name
    await services.fair.people.begin_totp(me.id, name)
    raise see_other("/me/security/totp")


async def totp_confirm(request: web.Request) -> web.Response:
    """The recovery codes are in this one answer and nowhere else."""
    _, me = await need_account(request)
    form = await read_form(request, CodeForm)
    codes = None
    if form.data is not None:
        try:
            await accounts.counted(request, "second", me.id, accounts.CODES, accounts.QUARTER_S)
            codes = await request.app[SERVICES].fair.people.confirm_totp(me.id, form.data.code)
        except Refusal:
            form.refuse("code", "rate_limited")
    if codes is None:
        return await _totp(request, me, form.refuse("code", "wrong"), 422)
    return await _render(request, "me_codes.html", me, codes=codes)


async def totp_end(request: web.Request) -> web.Response:
    """Whoever runs rooms or the fair keeps it: then an organiser alone takes it off."""
    session, me = await need_account(request)
    if me.role is not Role.PARTICIPANT:
        raise web.HTTPNotFound()
    form = await read_form(request, ProofForm)
    status = await _proved(request, me, form)
    if form.data is None:
        return await _security(request, session, me, status, totp_form=form)
    await request.app[SERVICES].fair.people.end_totp(me.id)
    raise see_other("/me/security?done=totp")


# --- one's data ---


async def data_page(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    return await _render(request, "me_data.html", me, form=Form())


async def data_copy(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    found = await request.app[SERVICES].fair.people.export(me.id)
    return web.Response(
        text=json.dumps(found, ensure_ascii=False, indent=1), content_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{me.id}.json"',
        },
    )  # fmt: skip


async def erase(request: web.Request) -> web.Response:
    _, me = await need_account(request)
    form = await read_form(request, EraseForm)
    status = await _proved(request, me, form)
    if form.data is None:
        return await _render(request, "me_data.html", me, status=status, form=form)
    await request.app[SERVICES].fair.people.erase(me.id)
    response = see_other("/")
    accounts.sign_out(request, response)
    raise response


def setup(app: web.Application) -> None:
    app.router.add_get("/me", profile_page)
    app.router.add_post("/me", profile)
    app.router.add_get("/me/privacy", privacy_page)
    app.router.add_post("/me/privacy", privacy)
    app.router.add_get("/me/security", security_page)
    app.router.add_post("/me/security/password", change_password)
    app.router.add_post("/me/security/email", change_email)
    app.router.add_post("/me/security/sessions", revoke)
    app.router.add_get("/me/security/totp", totp_page)
    app.router.add_post("/me/security/totp", totp_begin)
    app.router.add_post("/me/security/totp/confirm", totp_confirm)
    app.router.add_post("/me/security/totp/end", totp_end)
    app.router.add_get("/me/data", data_page)
    app.router.add_get("/me/data.json", data_copy)
    app.router.add_post("/me/data/erase", erase)
