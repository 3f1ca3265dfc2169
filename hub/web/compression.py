"""Which answers are compressed (gzip, RFC 1952), and which never: decisions/0018.

An answer that holds a secret of a signed-in person is never compressed, for its length would
tell the secret to whoever may put text beside it (breachattack.com). Their pages of the open
fair are: the one secret on those is the CSRF token, masked anew each time (``auth.csrf_token``).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from hub.services import SERVICES
from hub.web import auth

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MIN_BYTES: Final = 1024  # below it the packet is the same
TYPES: Final = frozenset(
    {
        "text/html", "text/css", "text/javascript", "application/json", "image/svg+xml",
        "application/manifest+json",
    }
)  # fmt: skip
#: What everybody may read: home, programme, conferences, directory, companies, not their desks.
_OPEN: Final = re.compile(r"/|/(?:programme|companies)(?:/[a-z0-9-]+)?")


def takes_gzip(request: web.Request) -> bool:
    """Whether Accept-Encoding names gzip, and not as something refused (RFC 9110, 12.5.3)."""
    for part in request.headers.get("Accept-Encoding", "").split(","):
        name, _, quality = part.partition(";")
        if name.strip().lower() == "gzip":
            value = quality.replace(" ", "").lower()
            return not (value.startswith("q=") and set(value[2:]) <= {"0", "."})
    return False


def smaller(body: bytes) -> bytes | None:
    """``body`` compressed as far as it goes, for what is made once; None when it gains nothing."""
    packed = gzip.compress(body, 9, mtime=0)
    return packed if len(body) >= MIN_BYTES and len(packed) < 0.9 * len(body) else None


def serve(
    request: web.Request, body: bytes, packed: bytes | None, kind: str, headers: dict[str, str]
) -> web.Response:
    """``body`` or what ``smaller`` made of it, as the client takes it."""
    charset = None if kind == "image/png" else "utf-8"
    if packed is None:
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)
    headers = {**headers, "Vary": "Accept-Encoding"}
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        body = packed
    return web.Response(body=body, content_type=kind, charset=charset, headers=headers)


def _nobodys(request: web.Request) -> bool:
    """No cookie of ours, no credential: nothing in the answer is a secret of the asker's."""
    config = request.app[SERVICES].config
    return (
        "Authorization" not in request.headers
        and auth.session_cookie(config) not in request.cookies
        and auth.guest_cookie(config) not in request.cookies
    )


def _fits(request: web.Request, response: web.StreamResponse) -> bool:
    """Answers with an entity tag stay as they are: another coding would need another tag
    (RFC 9110, 8.8.3.3)."""
    return (
        isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and len(response.body) >= MIN_BYTES
        and response.content_type in TYPES
        and {"Content-Encoding", "ETag"}.isdisjoint(response.headers)
        and (_OPEN.fullmatch(request.path) is not None or _nobodys(request))
    )


@web.middleware
async def compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if _fits(request, response):
        vary = response.headers.get("Vary")
        response.headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
        if takes_gzip(request):
            response.enable_compression(web.ContentCoding.gzip)  # aiohttp does it in a thread
    return response
