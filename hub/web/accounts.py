"""What pages and API of accounts share: how often one may try, and signing a browser in.

Tries are counted in Redis, so that a limit holds over all hubs together: an account (50 in a
quarter of an hour, ten from one address), whoever it is; an address by its failures alone, so
that a hall of people behind one address signs in freely. What is counted for an address that
has no account is the same as for one that has.
"""

from __future__ import annotations

import time
from typing import Final

from aiohttp import web

from hub.ports import WebSession
from hub.ports.people import Busy, PersonRecord, SignIn
from hub.services import SERVICES
from hub.web import auth, i18n
from hub.web.buckets import prefix_of
from rooms.errors import Code, Refusal
from rooms.model import Identity

QUARTER_S: Final = 900
HOUR_S: Final = 3600
TRIES: Final = 50  # of one account in QUARTER_S, from anywhere
TRIES_FROM: Final = 10  # of one account from one address
FAILURES_FROM: Final = 300  # failures from one address in QUARTER_S
CODES: Final = 10  # of a second factor in QUARTER_S
MAILS: Final = 4  # to one address in an hour, whoever asks
REGISTERED_FROM: Final = 600  # registrations from one address in an hour
BUSY_MS: Final = 2_000
NEW_MS: Final = 29 * 24 * 3600 * 1000  # webhooks remember for 30 days whom they told of
HALF_COOKIE: Final = "pavilion_half"


def too_many(wait_s: float) -> Refusal:
    return Refusal(
        Code.RATE_LIMITED, "too many tries", retry_after_ms=max(1_000, int(wait_s * 1000))
    )


def busy() -> Refusal:
    return Refusal(Code.RATE_LIMITED, "too many people sign in", retry_after_ms=BUSY_MS)


async def counted(request: web.Request, what: str, subject: str, limit: int, window: int) -> None:
    """Raises Refusal(rate_limited)."""
    wait_s = await request.app[SERVICES].vault.count(what, subject, limit, window)
    if wait_s > 0:
        raise too_many(wait_s)


async def tell_registered(request: web.Request, person: PersonRecord) -> None:
    """An address was verified for the first time: whoever listens learns of the new person.

    Told once a person. Of an old account it is a changed address, not a registration.
    """
    if time.time_ns() // 1_000_000 - person.created_ms > NEW_MS:
        return
    payload = {
        "person": {"id": person.id, "name": person.name, "country": person.country,
                   "organisation": person.organisation, "sectors": list(person.sectors)},
        "source": person.source,
    }  # fmt: skip
    webhooks = request.app[SERVICES].fair.webhooks
    await webhooks.tell("person.registered", None, payload, key=f"registered:{person.id}")


async def may_mail(request: web.Request, email: str) -> bool:
    """Whether one more mail may go to an address; asking counts."""
    vault = request.app[SERVICES].vault
    return await vault.count("mail", email.casefold(), MAILS, HOUR_S) == 0


async def try_sign_in(request: web.Request, email: str, password: str) -> SignIn:
    """Password and address. Raises Refusal(rate_limited)."""
    services = request.app[SERVICES]
    vault, who, prefix = services.vault, email.casefold(), prefix_of(request.remote)
    waits = (
        await vault.count("failures", prefix, FAILURES_FROM, QUARTER_S, add=0),
        await vault.count("signin", who, TRIES, QUARTER_S),
        await vault.count("signin-from", f"{who} {prefix}", TRIES_FROM, QUARTER_S),
    )
    if max(waits) > 0:
        raise too_many(max(waits))
    try:
        found = await services.fair.people.sign_in(email, password)
    except Busy:
        raise busy() from None
    if found.outcome == "wrong":
        await vault.count("failures", prefix, FAILURES_FROM, QUARTER_S)
    else:
        await vault.uncount("signin", who)
        await vault.uncount("signin-from", f"{who} {prefix}")
    return found


async def try_second(request: web.Request, person: str, code: str) -> bool:
    """The second factor. Raises Refusal(rate_limited)."""
    services = request.app[SERVICES]
    await counted(request, "second", person, CODES, QUARTER_S)
    right = await services.fair.people.second(person, code)
    if right:
        await services.vault.uncount("second", person)
    return right


async def try_password(request: web.Request, person: str, password: str) -> bool:
    """Someone signed in proves it again. Raises Refusal(rate_limited)."""
    await counted(request, "again", person, TRIES_FROM, QUARTER_S)
    services = request.app[SERVICES]
    try:
        right = await services.fair.people.check_password(person, password)
    except Busy:
        raise busy() from None
    if right:
        await services.vault.uncount("again", person)
    return right


async def open_browser(
    request: web.Request, response: web.StreamResponse, person: PersonRecord
) -> None:
    """Sign this browser in: a new session with a new cookie, the one before it ended."""
    services = request.app[SERVICES]
    name = auth.session_cookie(services.config)
    old = request.cookies.get(name)
    if old:
        await services.directory.close_session(old)
    identity = Identity(id=person.id, name=person.name, company=person.organisation)
    cookie, _ = await services.directory.open_session(
        identity, auth.SESSION_TTL_S, address=prefix_of(request.remote),
        agent=agent_words(request.headers.get("User-Agent", "")),
    )  # fmt: skip
    response.set_cookie(
        name, cookie, max_age=auth.SESSION_TTL_S, httponly=True, samesite="Lax",
        secure=services.config.secure, path="/",
    )  # fmt: skip
    if i18n.match(person.language):
        remember_language(request, response, person.language)
    response.del_cookie(HALF_COOKIE, path="/login")


def remember_language(request: web.Request, response: web.StreamResponse, tag: str) -> None:
    response.set_cookie(
        i18n.COOKIE, i18n.match(tag) or next(iter(i18n.LANGUAGES)), max_age=31_536_000,
        samesite="Lax", httponly=True, secure=request.app[SERVICES].config.secure,
    )  # fmt: skip


def sign_out(request: web.Request, response: web.StreamResponse) -> None:
    config = request.app[SERVICES].config
    response.del_cookie(auth.session_cookie(config), path="/", secure=config.secure, httponly=True)


async def need_account(request: web.Request) -> tuple[WebSession, PersonRecord]:
    """Whoever is signed in to an account; a sign-in link has no pages of its own (404)."""
    session = await auth.need_person(request)
    if not session.account:
        raise web.HTTPNotFound()
    person = await request.app[SERVICES].fair.people.get(session.identity.id)
    if person is None:
        raise web.HTTPNotFound()
    return session, person


#: In this order: most programs name others before themselves.
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("MicroMessenger", "WeChat"), ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("HarmonyOS", "HarmonyOS"), ("Linux", "Linux"),
)  # fmt: skip


def agent_words(header: str) -> str:
    """ "Firefox, Windows" of a User-Agent; "" when it says neither."""
    found = (
        next((word for mark, word in table if mark in header), "")
        for table in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(word for word in found if word)
