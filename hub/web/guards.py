"""Middlewares every request passes: who really asks, is it allowed from there, how it ends.

Outermost first: ``trusted_proxies`` (address and scheme), ``scope`` (request id, access
log, counters), ``compress``, ``problems`` (exceptions to answers), ``origin`` (no cross-site
writes).
The security headers are put on when a response is prepared, whoever made it.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from hub.config import Config
from hub.metrics import HTTP_REQUESTS, HTTP_SECONDS
from hub.ports import DirectoryLost, StoreLost
from hub.services import SERVICES
from hub.web.auth import SAFE_METHODS
from hub.web.compression import compress
from hub.web.problems import HTTP_CODES, Problem, from_refusal, respond
from rooms.errors import Code, Refusal

log = structlog.get_logger("pavilion.http")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REQUEST_ID: Final = web.RequestKey("request_id", str)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET: Final = ("/health/", "/metrics", "/static/")
_HOPS_MAX: Final = 10  # entries of X-Forwarded-For that are looked at


# --- the address behind trusted proxies -----------------------------------------------------


def _inside(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def forwarded_for(remote: str, header: str, networks: tuple[Network, ...]) -> str:
    """The first address, from the right, that no trusted proxy put itself behind.

    What stands further left was written by the client and says nothing.
    """
    address = remote
    for hop in reversed(header.split(",")[-_HOPS_MAX:]):
        if not _inside(address, networks):
            break
        try:
            address = str(ipaddress.ip_address(hop.strip()))
        except ValueError:
            break
    return address


def trusted_proxies(config: Config) -> Any:
    """Middleware: ``request.remote`` and ``request.scheme`` as a trusted proxy reports them."""
    networks = tuple(ipaddress.ip_network(n, strict=False) for n in config.server.trusted_proxies)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        remote = request.remote or ""
        if networks and _inside(remote, networks):
            header = ",".join(request.headers.getall("X-Forwarded-For", []))
            proto = request.headers.get("X-Forwarded-Proto", "")
            request = request.clone(
                remote=forwarded_for(remote, header, networks),
                scheme=proto if proto in {"http", "https"} else request.scheme,
            )
        return await handler(request)

    return middleware


# --- request id, access log, counters -------------------------------------------------------


def route_of(request: web.Request) -> str:
    """The route as registered: no secret of a path, and few enough for a label."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


@web.middleware
async def scope(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, log it when it is done, count it."""
    given = request.headers.get("X-Request-ID", "")
    request[REQUEST_ID] = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request=request[REQUEST_ID])
    room = request.match_info.get("room")
    if room is not None:
        structlog.contextvars.bind_contextvars(room=room[:64])
    started = time.monotonic()
    status = 499  # the client went away before an answer
    try:
        response = await handler(request)
        status = response.status
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        took = time.monotonic() - started
        route = route_of(request)
        HTTP_REQUESTS.labels(request.method[:16], route, str(status)).inc()
        if status != 101:
            HTTP_SECONDS.labels(route).observe(took)
        tell = log.debug if request.path.startswith(_QUIET) and status < 500 else log.info
        # Never the path or query as sent: sign-in links carry a secret.
        tell(
            "request", method=request.method[:16], route=route, status=status,
            duration_ms=round(took * 1000, 1), address=request.remote,
        )  # fmt: skip
        structlog.contextvars.unbind_contextvars("request", "room")
    return response


# --- exceptions to answers ------------------------------------------------------------------


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every exception as a problem document; what was not foreseen tells nothing outside."""
    try:
        return await handler(request)
    except Problem as problem:
        return respond(problem)
    except Refusal as refusal:
        return respond(from_refusal(refusal))
    except (StoreLost, DirectoryLost) as fault:
        log.warning("no answer", route=route_of(request), lost=type(fault).__name__)
        return respond(from_refusal(Refusal(Code.RECOVERING, "a part of the hub does not answer")))
    except web.HTTPException as fault:
        if fault.status < 400:
            raise
        headers = {"Allow": fault.headers["Allow"]} if "Allow" in fault.headers else {}
        code = HTTP_CODES.get(fault.status, "refused")
        return respond(Problem(fault.status, code, headers=headers))
    except Exception:  # the last one before the client: logged with its trace, shown as 500
        log.exception("request failed", route=route_of(request))
        return respond(Problem(500, "internal", f"request {request[REQUEST_ID]} failed"))


# --- cross-site requests --------------------------------------------------------------------


def origin(config: Config) -> Any:
    """Middleware: an unsafe request from a page must come from an allowed origin, exactly.

    Programs send neither Origin nor Sec-Fetch-Site and pass; browsers send at least one.
    """
    allowed = config.origins

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in SAFE_METHODS:
            stated = request.headers.get("Origin")
            site = request.headers.get("Sec-Fetch-Site", "none")
            if stated == "null" and site == "same-origin":
                # A form of our own page under `Referrer-Policy: no-referrer`; a page cannot
                # write Sec-Fetch-Site, and a sandboxed frame is cross-site.
                stated = None
            if stated is not None and stated not in allowed:
                raise Problem(403, "forbidden", "this origin is not allowed")
            if stated is None and site not in {"same-origin", "none"}:
                raise Problem(403, "forbidden", "cross-site requests are not allowed")
        return await handler(request)

    return middleware


# --- headers --------------------------------------------------------------------------------


def security_headers(config: Config) -> dict[str, str]:
    """What every response carries unless its maker said otherwise."""
    sockets = " ".join(
        sorted(
            f"{'wss' if url.scheme == 'https' else 'ws'}://{url.netloc}"
            for url in map(urlsplit, config.origins)
        )
    )
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "font-src 'self'; media-src 'self' blob: mediastream:; manifest-src 'self'; "
        # 'self' does not cover ws: in every browser yet.
        f"connect-src 'self' {sockets}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), "
        "geolocation=(), payment=(), usb=()",
    }
    if config.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


def header_writer(config: Config) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """For ``app.on_response_prepare``."""
    headers = security_headers(config)

    async def write(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if REQUEST_ID in request:
            response.headers.setdefault("X-Request-ID", request[REQUEST_ID])
        response.headers.pop("Server", None)

    return write


def setup(app: web.Application) -> None:
    config = app[SERVICES].config
    app.middlewares.extend((trusted_proxies(config), scope, compress, problems, origin(config)))
    app.on_response_prepare.append(header_writer(config))
