"""What one page has to say once, carried over a redirect, so that a reload repeats no act.

It lies in a cookie of one path for two minutes, encrypted (AES-256-GCM, NIST SP 800-38D) with a
key that every hub of the installation derives and bound to the session: nobody else's browser
can show it, and the browser that keeps it cannot read it. Never for identity numbers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from typing import Any, Final

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.ports import WebSession
from hub.services import SERVICES

COOKIE: Final = "pavilion_flash"
LASTS_S: Final = 120
_NONCE: Final = 12  # bytes


def _cipher(request: web.Request) -> AESGCM:
    key = request.app[SERVICES].organiser_key.encode()
    return AESGCM(hmac.digest(key, b"pavilion flash", hashlib.sha256))


def leave(
    request: web.Request, session: WebSession, answer: web.HTTPException, said: dict[str, Any]
) -> web.HTTPException:
    """``answer``, a redirect to a page that will ``take`` what is said; to be raised."""
    nonce = secrets.token_bytes(_NONCE)
    plain = json.dumps({**said, "until": int(time.time()) + LASTS_S}).encode()
    sealed = nonce + _cipher(request).encrypt(nonce, plain, session.id.encode())
    answer.set_cookie(
        COOKIE, base64.urlsafe_b64encode(sealed).decode(), max_age=LASTS_S,
        path=answer.headers["Location"].partition("?")[0], httponly=True, samesite="Strict",
        secure=request.app[SERVICES].config.secure,
    )  # fmt: skip
    return answer


def take(request: web.Request, session: WebSession) -> dict[str, Any]:
    """What was left for this page, or nothing; the answer must be given to ``taken``."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, "").encode())
        plain = _cipher(request).decrypt(sealed[:_NONCE], sealed[_NONCE:], session.id.encode())
    except (InvalidTag, ValueError, binascii.Error):
        return {}
    said: dict[str, Any] = json.loads(plain)
    return said if said.pop("until") > time.time() else {}


def taken(request: web.Request, answer: web.Response) -> web.Response:
    """Takes it out of the browser."""
    if COOKIE in request.cookies:
        answer.del_cookie(
            COOKIE, path=request.path, httponly=True, samesite="Strict",
            secure=request.app[SERVICES].config.secure,
        )  # fmt: skip
    return answer
