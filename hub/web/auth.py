"""Who calls: the organiser key, a room token, a session cookie, a guest cookie.

A cookie alone never changes anything: unsafe requests of a session need its CSRF token,
those of a guest must be same-origin. Roles are read where the act happens (``need``).
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

import structlog
from aiohttp import web

from hub.config import Config
from hub.metrics import AUTH_FAILURES
from hub.ports import DirectoryLost, WebSession
from hub.services import SERVICES, Services
from hub.web.buckets import FAILURES, prefix_of
from rooms.errors import Code, Refusal
from rooms.model import Identity, Role
from rooms.permissions import Right, may

log = structlog.get_logger(__name__)

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "X-CSRF-Token"
CREDENTIAL_MAX: Final = 4096
NEXT_MAX: Final = 1024
DEVICE_PREFIX: Final = "pvd_"  # tells an app's access token from a room token
SESSION_TTL_S: Final = 12 * 3600

#: Who acts when the organiser key is shown.
KEY_IDENTITY: Final = Identity(id="u_organiser", name="Organiser", role=Role.ORGANISER)
_RUNS_THE_FAIR: Final = frozenset({Role.ORGANISER, Role.MODERATOR})
#: A path on this host: printable ASCII, one slash first, no backslash anywhere.
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_SESSION: Final = web.RequestKey("session", tuple)  # () until a session was found
_COUNTED: Final = web.RequestKey("auth_failure_counted", bool)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request speaks for, and how that was proved."""

    how: Literal["key", "token", "session", "guest", "device"]
    identity: Identity

    def role_in(self, room: str) -> Role | None:
        """The role in ``room``; None when the credential says nothing about it."""
        if self.identity.room is not None and self.identity.room != room:
            return None
        return self.identity.role

    def may(self, room: str, right: Right) -> bool:
        role = self.role_in(room)
        return role is not None and may(role, right)

    @property
    def everywhere(self) -> bool:
        """Runs the whole fair: no room token, however high its role."""
        return self.identity.room is None and self.identity.role in _RUNS_THE_FAIR


def session_cookie(config: Config) -> str:
    # __Host-: the browser takes it over HTTPS only, for this host and all paths only.
    return "__Host-pavilion" if config.secure else "pavilion"


def guest_cookie(config: Config) -> str:
    return "__Host-pavilion_guest" if config.secure else "pavilion_guest"


async def session_of(request: web.Request) -> WebSession | None:
    """The session of the request's cookie, looked up once a request."""
    if _SESSION not in request:
        services = request.app[SERVICES]
        cookie = request.cookies.get(session_cookie(services.config))
        session = await services.directory.session(cookie) if cookie else None
        request[_SESSION] = () if session is None else (session,)
    found: tuple[WebSession, ...] = request[_SESSION]
    return found[0] if found else None


def guest_of(request: web.Request) -> Identity | None:
    """The guest of the request's cookie; an old or foreign cookie is no guest."""
    services = request.app[SERVICES]
    cookie = request.cookies.get(guest_cookie(services.config))
    if not cookie:
        return None
    try:
        return services.tokens.verify_guest(cookie)
    except Refusal:
        return None


async def identity_of(request: web.Request) -> Identity | None:
    """Whom a page is for: the signed-in person, else the guest.

    Nobody while the database is away: a page that says so must still be drawn.
    """
    try:
        session = await session_of(request)
    except DirectoryLost:
        log.warning("the session was not looked up: the database does not answer")
        session = None
    return session.identity if session else guest_of(request)


def found_session(request: web.Request) -> WebSession | None:
    """The session that ``identity_of`` or ``session_of`` has looked up."""
    found: tuple[WebSession, ...] = request.get(_SESSION, ())
    return found[0] if found else None


def csrf_token(request: web.Request) -> str:
    """What a page of a signed-in person sends as X-CSRF-Token; empty for others.

    ``identity_of`` or ``session_of`` must have been awaited before. Masked with other random
    bytes each time: pages are compressed, and a secret that stays the same beside text that
    others choose could be guessed by the length (breachattack.com).
    """
    found: tuple[WebSession, ...] = request.get(_SESSION, ())
    return _masked(found[0].csrf) if found else ""


def _masked(token: str) -> str:
    raw = token.encode()
    mask = secrets.token_bytes(len(raw))
    return mask.hex() + bytes(a ^ b for a, b in zip(mask, raw, strict=True)).hex()


def _unmasked(given: str) -> bytes:
    """What ``_masked`` was given; of anything else, bytes that are no token."""
    try:
        raw = bytes.fromhex(given)
    except ValueError:
        return b""
    half = len(raw) // 2
    return bytes(a ^ b for a, b in zip(raw[:half], raw[half:], strict=False))


async def caller_of(request: web.Request) -> Caller | None:
    """Who calls; None when nothing was shown.

    Raises Refusal: unauthorised or expired_token for a credential that is not good,
    forbidden for a cookie without its CSRF token, rate_limited after many failures.
    """
    services = request.app[SERVICES]
    header = request.headers.get("Authorization")
    if header is not None:
        return await _bearer(request, services, header)
    session = await session_of(request)
    if session is not None:
        if request.method not in SAFE_METHODS:
            check_csrf(request, session, request.headers.get(CSRF_HEADER, ""))
        return Caller("session", session.identity)
    guest = guest_of(request)
    if guest is not None:
        if request.method not in SAFE_METHODS and not _same_origin(request, services.config):
            raise Refusal(Code.FORBIDDEN, "a guest's request must come from the fair's own pages")
        return Caller("guest", guest)
    return None


def check_csrf(request: web.Request, session: WebSession, given: str) -> None:
    """Raises Refusal(forbidden) unless ``given`` is the session's CSRF token, masked or not."""
    csrf = session.csrf.encode()
    plain = hmac.compare_digest(given.encode(errors="replace"), csrf)
    if not plain and not hmac.compare_digest(_unmasked(given), csrf):
        failed(request)
        raise Refusal(Code.FORBIDDEN, f"{CSRF_HEADER} is missing or wrong")


async def _bearer(request: web.Request, services: Services, header: str) -> Caller:
    scheme, _, credential = header.partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential or len(credential) > CREDENTIAL_MAX:
        failed(request)
        raise Refusal(Code.UNAUTHORISED, "Authorization: Bearer with a key or token is expected")
    key = services.organiser_key
    if key and hmac.compare_digest(credential.encode(errors="replace"), key.encode()):
        return Caller("key", KEY_IDENTITY)
    try:
        if credential.startswith(DEVICE_PREFIX):
            return await _device(services, credential.removeprefix(DEVICE_PREFIX))
        return Caller("token", services.tokens.verify(credential))
    except Refusal as refusal:
        # An expired token is a page left open, not a guess.
        if refusal.code is not Code.EXPIRED_TOKEN:
            failed(request)
        raise


async def _device(services: Services, token: str) -> Caller:
    """An app's access token. Whether the app is still signed in, and what its person may do,
    is read now."""
    person, device = services.tokens.verify_device(token)
    found = await services.fair.people.device(person, device)
    if found is None:
        raise Refusal(Code.UNAUTHORISED, "the app was signed out")
    return Caller("device", found[0])


def failed(request: web.Request) -> None:
    """Count a failed proof against the address. Raises Refusal(rate_limited) beyond the bound.

    Only failures are slowed: a hall of people behind one address with good tokens is not.
    """
    AUTH_FAILURES.inc()
    if request.get(_COUNTED):
        return
    request[_COUNTED] = True
    wait_s = request.app[FAILURES].count(prefix_of(request.remote))
    if wait_s > 0:
        raise Refusal(
            Code.RATE_LIMITED, "too many failed attempts", retry_after_ms=int(wait_s * 1000)
        )


def _same_origin(request: web.Request, config: Config) -> bool:
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin in config.origins
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


# --- what a handler asks ----------------------------------------------------------------


async def need_caller(request: web.Request) -> Caller:
    """Raises Refusal(unauthorised) when nothing was shown."""
    caller = await caller_of(request)
    if caller is None:
        raise Refusal(Code.UNAUTHORISED, "an organiser key, a room token or a session is needed")
    return caller


async def need_fair(request: web.Request) -> Caller:
    """An organiser or moderator of the whole fair. Raises Refusal."""
    caller = await need_caller(request)
    if not caller.everywhere:
        raise Refusal(Code.FORBIDDEN, "this needs an organiser or moderator of the fair")
    return caller


async def need_fair_organiser(request: web.Request) -> Caller:
    """An organiser of the whole fair, or the organiser key. Raises Refusal."""
    caller = await need_caller(request)
    if not (caller.everywhere and caller.identity.role is Role.ORGANISER):
        raise Refusal(Code.FORBIDDEN, "this needs an organiser of the fair")
    return caller


async def need_right(request: web.Request, room: str, right: Right) -> Caller:
    """Someone with ``right`` in ``room``, by whatever credential. Raises Refusal.

    The answer is the same whether or not the room exists.
    """
    caller = await need_caller(request)
    if not caller.may(room, right):
        raise Refusal(Code.FORBIDDEN, "this needs more rights in the room")
    return caller


# --- what a page asks -------------------------------------------------------------------


def safe_next(value: str | None, otherwise: str = "/me") -> str:
    """``value`` when it is a path of this fair, else ``otherwise``.

    A browser reads ``//host`` and ``/\\host`` as another site, and drops tabs and line
    breaks inside an address before it does.
    """
    if not value or len(value) > NEXT_MAX or not _PATH.fullmatch(value):
        return otherwise
    return value


def signin_page(request: web.Request) -> str:
    """Where one signs in, to come back to this page."""
    back = request.path_qs if request.method in SAFE_METHODS else request.path
    return f"/login?{urlencode({'next': safe_next(back)})}"


async def need_person(request: web.Request) -> WebSession:
    """Whoever is signed in; others are sent to sign in and come back (HTTPSeeOther)."""
    session = await session_of(request)
    if session is None:
        raise web.HTTPSeeOther(signin_page(request), headers={"Cache-Control": "no-store"})
    return session


async def need_organiser(request: web.Request) -> WebSession:
    """An organiser of the fair. For others the page does not exist (HTTPNotFound)."""
    session = await session_of(request)
    if session is None or session.identity.role is not Role.ORGANISER:
        raise web.HTTPNotFound()
    return session
