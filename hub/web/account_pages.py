"""Pages without a session: registering, signing in, the links that mails carry.

    /register  /register/done      /login  /login/code      /verify/{token}
    /reset  /reset/done  /reset/{token}

GET of a mailed link only shows a button: previews that follow links must not use one up.
"""

from __future__ import annotations

from typing import Any, Final, Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from hub.ports.people import Busy, PersonRecord, Registration
from hub.services import SERVICES
from hub.web import account_texts as account_texts  # its codes get their words by the import
from hub.web import accounts, auth, i18n
from hub.web.bodies import Company, Name
from hub.web.buckets import prefix_of
from hub.web.countries import listed
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
)
from rooms.errors import Refusal

#: Languages a visitor of a fair may speak, named in themselves.
SPOKEN: Final = (
    ("zh", "中文"), ("en", "English"), ("fr", "Français"), ("es", "Español"), ("ar", "العربية"),
    ("ru", "Русский"), ("ja", "日本語"), ("ko", "한국어"), ("de", "Deutsch"), ("pt", "Português"),
)  # fmt: skip
NO_STORE: Final = {"Cache-Control": "no-store"}


class RegisterForm(FormModel):
    name: Name
    email: Email
    password: NewPassword
    country: Country
    organisation: Company | None = None
    position: Position | None = None
    sectors: Sectors = Field(default_factory=list)
    languages: Languages = Field(default_factory=list)
    agree: Literal["on"]
    privacy_version: int = 0


class LoginForm(FormModel):
    email: Email
    password: GivenPassword
    next: str = ""


class CodeForm(FormModel):
    code: TotpCode
    next: str = ""


class AskForm(FormModel):
    email: Email


class ResetForm(FormModel):
    password: NewPassword


def see_other(to: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(to, headers=NO_STORE)


async def choices(request: web.Request) -> dict[str, Any]:
    """What profile forms choose from, in the reader's language."""
    settings = await request.app[SERVICES].fair.settings.current()
    language = request.app[PAGES].languages[i18n.language_of(request)]
    return {
        "countries": listed(language.locale),
        "sectors": [(sector.slug, sector.name(language.tag)) for sector in settings.sectors],
        "spoken": SPOKEN,
        "privacy": settings.privacy,
    }


async def known_sectors(request: web.Request, form: Form[Any]) -> None:
    """Refuse sectors this fair does not have."""
    if form.data is None:
        return
    settings = await request.app[SERVICES].fair.settings.current()
    if not set(form.data.sectors) <= {sector.slug for sector in settings.sectors}:
        form.refuse("sectors", "not_allowed")


# --- registering ------------------------------------------------------------------------------


async def register_page(request: web.Request) -> web.Response:
    session = await auth.session_of(request)
    if session is not None and session.account:
        raise see_other("/me")
    return await _register(request, Form(), 200)


async def _register(request: web.Request, form: Form[Any], status: int) -> web.Response:
    return await request.app[PAGES].render(
        request, "register.html", status=status, form=form, **await choices(request)
    )


async def register(request: web.Request) -> web.Response:
    form = await read_form(request, RegisterForm)
    await known_sectors(request, form)
    services = request.app[SERVICES]
    privacy = (await services.fair.settings.current()).privacy
    data = form.data
    if data is not None and data.privacy_version != privacy.version:
        form.typed.pop("agree", None)
        form.refuse("agree", "stale")
    if form.data is None or data is None:
        return await _register(request, form, 422)
    new = Registration(
        name=data.name, email=data.email, password=data.password.get_secret_value(),
        country=data.country, privacy_version=privacy.version, organisation=data.organisation,
        position=data.position, sectors=tuple(data.sectors), languages=tuple(data.languages),
        language=i18n.language_of(request),
    )  # fmt: skip
    try:
        await take_registration(request, new)
    except Refusal:
        return await _register(request, form.refuse("email", "rate_limited"), 429)
    raise see_other("/register/done")


async def take_registration(request: web.Request, new: Registration) -> None:
    """Raises Refusal(rate_limited) by address of the network, never by e-mail address: for one
    that got enough mails the answer is as ever and nothing goes out."""
    prefix = prefix_of(request.remote)
    await accounts.counted(request, "register", prefix, accounts.REGISTERED_FROM, accounts.HOUR_S)
    if not await accounts.may_mail(request, new.email):
        return
    try:
        await request.app[SERVICES].fair.people.register(new)
    except Busy:
        raise accounts.busy() from None


async def register_done(request: web.Request) -> web.Response:
    return await request.app[PAGES].render(
        request, "mailed.html", kind="register", sends=request.app[SERVICES].fair.mails.sends
    )


async def verify_page(request: web.Request) -> web.Response:
    return await _link_page(request, "verify.html", state="ask")


async def verify(request: web.Request) -> web.Response:
    person = await request.app[SERVICES].fair.people.verify(request.match_info["token"])
    if person is None:
        _failed(request)
        return await _link_page(request, "verify.html", status=403, state="bad")
    await accounts.tell_registered(request, person)
    return await _link_page(request, "verify.html", state="done")


async def _link_page(
    request: web.Request, template: str, status: int = 200, **values: Any
) -> web.Response:
    response = await request.app[PAGES].render(request, template, status=status, **values)
    # The address carries the secret; see hub.web.signin for why not no-referrer.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _failed(request: web.Request) -> None:
    try:
        auth.failed(request)
    except Refusal:
        raise web.HTTPTooManyRequests() from None


# --- signing in ----------------------------------------------------------------------------------


async def login_page(request: web.Request) -> web.Response:
    to = auth.safe_next(request.query.get("next"))
    if await auth.session_of(request) is not None:
        raise see_other(to)
    return await _login(request, shown({"next": to}), 200)


async def _login(
    request: web.Request, form: Form[Any], status: int, unverified: bool = False
) -> web.Response:
    return await request.app[PAGES].render(
        request, "login.html", status=status, form=form, unverified=unverified
    )


async def login(request: web.Request) -> web.Response:
    form = await read_form(request, LoginForm)
    if form.data is None:
        return await _login(request, form, 422)
    data = form.data
    to = auth.safe_next(data.next)
    try:
        found = await accounts.try_sign_in(request, data.email, data.password.get_secret_value())
    except Refusal:
        return await _login(request, form.refuse("password", "rate_limited"), 429)
    if found.outcome == "unverified":
        return await _login(request, shown({"next": to}), 403, unverified=True)
    if found.person is None:
        return await _login(request, form.refuse("password", "wrong"), 422)
    if found.outcome == "second":
        services = request.app[SERVICES]
        half = await services.vault.issue_half(found.person.id)
        response = see_other(f"/login/code?{urlencode({'next': to})}")
        response.set_cookie(
            accounts.HALF_COOKIE, half, max_age=300, httponly=True, samesite="Strict",
            secure=services.config.secure, path="/login",
        )  # fmt: skip
        raise response
    await _enter(request, found.person, to)
    raise AssertionError("unreachable")


async def _enter(request: web.Request, person: PersonRecord, to: str) -> None:
    """Raises HTTPSeeOther, signed in."""
    response = see_other("/me/security/totp" if person.must_enrol else to)
    await accounts.open_browser(request, response, person)
    raise response


async def _half(request: web.Request) -> tuple[str, str]:
    """(secret, person) of someone between password and code; others begin again."""
    secret = request.cookies.get(accounts.HALF_COOKIE, "")[:200]
    person = await request.app[SERVICES].vault.half(secret) if secret else None
    if person is None:
        raise see_other("/login")
    return secret, person


async def code_page(request: web.Request) -> web.Response:
    await _half(request)
    form = shown({"next": auth.safe_next(request.query.get("next"))})
    return await request.app[PAGES].render(request, "login_code.html", form=form)


async def code(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    secret, person_id = await _half(request)
    form = await read_form(request, CodeForm)
    status = 422
    if form.data is not None:
        data = form.data
        try:
            right = await accounts.try_second(request, person_id, data.code)
        except Refusal:
            form.refuse("code", "rate_limited")
            status, right = 429, False
        person = await services.fair.people.get(person_id) if right else None
        if person is not None and not person.blocked:
            await services.vault.end_half(secret)
            await _enter(request, person, auth.safe_next(data.next))
        form.refuse("code", "wrong")
    return await request.app[PAGES].render(request, "login_code.html", status=status, form=form)


# --- a forgotten password -------------------------------------------------------------------------


async def reset_ask_page(request: web.Request) -> web.Response:
    return await request.app[PAGES].render(request, "reset_ask.html", form=Form())


async def reset_ask(request: web.Request) -> web.Response:
    form = await read_form(request, AskForm)
    if form.data is not None:
        try:
            await accounts.counted(
                request, "reset", prefix_of(request.remote), accounts.REGISTERED_FROM,
                accounts.HOUR_S,
            )  # fmt: skip
        except Refusal:
            form.refuse("email", "rate_limited")
    if form.data is None:
        return await request.app[PAGES].render(request, "reset_ask.html", status=422, form=form)
    if await accounts.may_mail(request, form.data.email):
        await request.app[SERVICES].fair.people.ask_reset(form.data.email)
    raise see_other("/reset/done")


async def reset_done(request: web.Request) -> web.Response:
    return await request.app[PAGES].render(
        request, "mailed.html", kind="reset", sends=request.app[SERVICES].fair.mails.sends
    )


async def reset_page(request: web.Request) -> web.Response:
    return await _link_page(request, "reset.html", form=Form(), state="ask")


async def reset(request: web.Request) -> web.Response:
    form = await read_form(request, ResetForm)
    if form.data is None:
        return await _link_page(request, "reset.html", status=422, form=form, state="ask")
    people = request.app[SERVICES].fair.people
    try:
        person = await people.reset(
            request.match_info["token"], form.data.password.get_secret_value()
        )
    except Busy:
        raise web.HTTPTooManyRequests() from None
    if person is None:
        _failed(request)
        return await _link_page(request, "reset.html", status=403, form=Form(), state="bad")
    return await _link_page(request, "reset.html", form=Form(), state="done")


def setup(app: web.Application) -> None:
    app.router.add_get("/register", register_page)
    app.router.add_post("/register", register)
    app.router.add_get("/register/done", register_done)
    app.router.add_get("/verify/{token}", verify_page)
    app.router.add_post("/verify/{token}", verify)
    app.router.add_get("/login", login_page)
    app.router.add_post("/login", login)
    app.router.add_get("/login/code", code_page)
    app.router.add_post("/login/code", code)
    app.router.add_get("/reset", reset_ask_page)
    app.router.add_post("/reset", reset_ask)
    app.router.add_get("/reset/done", reset_done)
    app.router.add_get("/reset/{token}", reset_page)
    app.router.add_post("/reset/{token}", reset)
