"""What every page is made with, the files and texts they need, and the capacity desk.

    /desk   capacity desk   /static/{version}/…, /i18n/{lang}.json

The other pages are modules of their own and draw with ``Pages.render``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
import structlog
from aiohttp import web

from hub.assets import Assets, static_dir, templates_dir
from hub.ports import DirectoryLost, StoreLost
from hub.services import Services
from hub.web import auth, compression, form_texts, i18n, looks
from hub.web.fairtime import FairTime
from hub.web.guards import route_of
from hub.web.problems import STATUS, Problem
from hub.web.programme import Programme, rfc3339
from rooms.errors import Refusal
from rooms.model import Role

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Everything from this origin, nothing inline, no framing, no way to turn text into markup.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob: mediastream:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie",
}
FOREVER: Final = "public, max-age=31536000, immutable"
#: Paths that answer programs, not people: their errors stay as they are.
MACHINE_PATHS: Final = (
    "/api/", "/live", "/news", "/whip/", "/whep/", "/health", "/metrics", "/static/", "/i18n/",
)  # fmt: skip


@cache
def _environment() -> jinja2.Environment:
    """One a process: it keeps what it has compiled."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(initials=looks.initials, tint=looks.tint)
    return environment


@dataclasses.dataclass(frozen=True)
class Files:
    """What pages are made of and never changes while a process lives."""

    assets: Assets
    languages: dict[str, i18n.Language]
    #: static files and texts by name or tag, compressed; None where that gains nothing
    packed: dict[str, bytes | None]


@cache
def _files() -> Files:
    """One a process: reading and compressing everything takes 30 ms."""
    assets, languages = Assets(static_dir()), i18n.load_languages()
    packed = {
        name: compression.smaller(asset.body)
        for name, asset in assets.files.items()
        if asset.content_type in compression.TYPES
    } | {tag: compression.smaller(one.json) for tag, one in languages.items()}
    return Files(assets, languages, packed)


class Pages:
    """Renders and serves; one per hub worker."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.programme = Programme(services.directory, services.board)
        self._files = _files()
        self.assets, self.languages = self._files.assets, self._files.languages
        self.templates = _environment()

    def when(self, ms: int, language: i18n.Language, zone: str) -> str:
        """A moment in ``zone`` (IANA), with the zone named."""
        return FairTime(ZoneInfo(zone), language.locale).zoned(ms)

    async def render(
        self, request: web.Request, name: str, /, status: int = 200, **values: Any
    ) -> web.Response:
        """A page in the request's language, with the security headers."""
        language = self.languages[i18n.language_of(request)]
        settings = await self.services.fair.settings.current()
        who = await auth.identity_of(request)
        session = auth.found_session(request)
        context = {
            "_": language.text,
            "ngettext": language.plural,
            "number": language.number,
            "lang": language.tag,
            "languages": [
                (tag, i18n.NAMES[tag], str(request.rel_url.update_query(lang=tag)))
                for tag in self.languages
            ],
            "texts_url": f"/i18n/{language.tag}.json?v={language.version}",
            "static": self.assets.url,
            "static_base": f"/static/{self.assets.version}",
            "fair": dataclasses.replace(settings, name=settings.name_in(language.tag)),
            "who": who,
            "csrf": auth.csrf_token(request),
            "signed_in": session is not None,
            "has_account": session is not None and session.account,
            "at_gate": session is not None
            and (session.gate or session.identity.role is Role.ORGANISER),
            "must_enrol": session is not None and session.must_enrol,
            "fault": lambda field, code: form_texts.text(language, field, code),
            "when": lambda ms: self.when(ms, language, settings.time_zone),
            "rfc3339": rfc3339,
            "tojson": lambda value: json.dumps(value, ensure_ascii=False),
            "path": request.path,
            **values,
        }
        body = self.templates.get_template(name).render(context)
        response = web.Response(text=body, status=status, content_type="text/html", headers=HEADERS)
        asked = i18n.match(request.query.get("lang", ""))
        if asked:
            response.set_cookie(
                i18n.COOKIE, asked, max_age=31_536_000, samesite="Lax", httponly=True,
                secure=self.services.config.secure,
            )  # fmt: skip
        return response

    # --- handlers ---

    async def desk(self, request: web.Request) -> web.Response:
        return await self.render(request, "desk.html")

    def fresh_json(self, request: web.Request, body: Any) -> web.Response:
        """Data a page asks for again and again: 304 while it is the same."""
        text = _dumps(body)
        etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'
        headers = {
            "ETag": etag,
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Language, Cookie",
        }
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(text=text, content_type="application/json", headers=headers)

    async def static(self, request: web.Request) -> web.Response:
        asset = self.assets.files.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound()
        # Another version is asked for while a newer hub takes over: what is here, uncached.
        current = request.match_info["version"] == self.assets.version
        name = request.match_info["name"]
        return compression.serve(
            request, asset.body, self._files.packed.get(name), asset.content_type, _kept(current)
        )

    async def texts(self, request: web.Request) -> web.Response:
        language = self.languages.get(request.match_info["lang"])
        if language is None:
            raise web.HTTPNotFound()
        current = request.query.get("v") == language.version
        packed = self._files.packed[language.tag]
        return compression.serve(request, language.json, packed, "application/json", _kept(current))

    async def favicon(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(self.assets.url("logo.svg"))

    # --- errors in the look of the product ---

    @web.middleware
    async def errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """HTML error pages for people; programs get what the API answers."""
        if request.path.startswith(MACHINE_PATHS) or request.path.endswith(".json"):
            return await handler(request)
        try:
            return await handler(request)
        except web.HTTPException as fault:
            if fault.status < 400:
                raise
            page = await self.render(request, "error.html", status=fault.status, code=fault.status)
            if "Allow" in fault.headers:
                page.headers["Allow"] = fault.headers["Allow"]
            return page
        except (Problem, Refusal) as fault:
            status = fault.status if isinstance(fault, Problem) else STATUS[fault.code]
            return await self.render(request, "error.html", status=status, code=status)
        except (StoreLost, DirectoryLost) as fault:
            log.warning("no answer", route=route_of(request), lost=type(fault).__name__)
            return await self.render(request, "error.html", status=503, code=503)
        except Exception:  # the last handler before the user: logged with its trace, shown as 500
            # The route, not the path: a sign-in link's path is a secret.
            log.exception("page failed", route=route_of(request))
            return await self.render(request, "error.html", status=500, code=500)


PAGES: Final = web.AppKey("pages", Pages)


def _kept(current: bool) -> dict[str, str]:
    return {
        "Cache-Control": FOREVER if current else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def setup(app: web.Application, services: Services) -> None:
    """Add the pages' routes and the HTML error pages to ``app``."""
    app[PAGES] = pages = Pages(services)
    app.middlewares.append(pages.errors)
    app.router.add_get("/desk", pages.desk)
    app.router.add_get("/static/{version}/{name:.+}", pages.static)
    app.router.add_get("/i18n/{lang}.json", pages.texts)
    app.router.add_get("/favicon.ico", pages.favicon)
