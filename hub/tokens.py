"""Room tokens and guest cookies: JWT, HS256 and nothing else.

One secret, two keys: each purpose has a key derived from the secret and an audience of
its own, so that a guest's cookie can never be shown as a room token or the other way
round. Claims of a room token: docs/protocol.md section 3. RFC 7519, RFC 8725 section 3.1
(the algorithm is pinned, never read from the token).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey

from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, SLUG, Identity, NameRefused, Role, clean_name

ALGORITHM: Final = "HS256"
TOKEN_MAX: Final = 4096  # characters; longer is refused before anything is decoded
SECRET_MIN: Final = 32  # bytes: as many as the hash gives (RFC 7518 section 3.2)
ROOM: Final = "pavilion/room"
GUEST: Final = "pavilion/guest"
DEVICE: Final = "pavilion/device"
GUEST_TTL_S: Final = 24 * 3600
DEVICE_TTL_S: Final = 15 * 60


def _wall_clock() -> float:
    return time.time()


class SignedTokens:
    """Implements ``hub.ports.Tokens``.

    Args:
        secret: at least 32 random bytes, the same on every hub of the fair.
        cookie_secret: the same for guests' cookies; without it both come from ``secret``.
        issuer: the ``iss`` written and required.
        now: seconds since the Unix epoch.
    """

    def __init__(
        self,
        secret: bytes,
        cookie_secret: bytes | None = None,
        *,
        issuer: str = "pavilion",
        now: Callable[[], float] = _wall_clock,
    ) -> None:
        kept = cookie_secret if cookie_secret is not None else secret
        sources = {ROOM: secret, GUEST: kept, DEVICE: kept}
        if min(map(len, sources.values())) < SECRET_MIN:
            raise ValueError(f"the token secret needs at least {SECRET_MIN} bytes")
        self._issuer = issuer
        self._now = now
        self._keys = {
            purpose: OctKey.import_key(hmac.digest(source, purpose.encode(), hashlib.sha256))
            for purpose, source in sources.items()
        }

    def issue(self, identity: Identity, ttl_s: int) -> tuple[str, int]:
        """A room token for ``identity`` (its ``room`` is set) and its expiry in epoch ms."""
        return self._sign(ROOM, identity, ttl_s)

    def verify(self, token: str) -> Identity:
        """Who a room token speaks for. Raises Refusal: unauthorised, expired_token."""
        identity = self._open(ROOM, token)
        if identity.room is None:
            raise Refusal(Code.UNAUTHORISED, "a token without a room")
        return identity

    def issue_guest(self, identity: Identity) -> tuple[str, int]:
        """The value of a guest's cookie and its expiry in epoch ms."""
        return self._sign(GUEST, identity, GUEST_TTL_S)

    def verify_guest(self, cookie: str) -> Identity:
        """Who a guest's cookie speaks for. Raises Refusal: unauthorised, expired_token."""
        identity = self._open(GUEST, cookie)
        if not identity.id.startswith("g_") or identity.role is not Role.PARTICIPANT:
            raise Refusal(Code.UNAUTHORISED, "not a guest")
        return identity

    def issue_device(self, person: str, device: str) -> tuple[str, int]:
        """An app's access token: who and which device, nothing that can change meanwhile."""
        now = int(self._now())
        claims = {
            "iss": self._issuer, "aud": DEVICE, "iat": now, "exp": now + DEVICE_TTL_S,
            "jti": secrets.token_urlsafe(12), "sub": person, "device": device,
        }  # fmt: skip
        token = jwt.encode({"alg": ALGORITHM}, claims, self._keys[DEVICE], [ALGORITHM])
        return token, (now + DEVICE_TTL_S) * 1000

    def verify_device(self, token: str) -> tuple[str, str]:
        """(person, device). Raises Refusal: unauthorised, expired_token."""
        claims = self._claims(DEVICE, token)
        person, device = claims.get("sub"), claims.get("device")
        if not isinstance(person, str) or not isinstance(device, str):
            raise Refusal(Code.UNAUTHORISED, "the token's claims are not valid")
        return person, device

    def _sign(self, purpose: str, identity: Identity, ttl_s: int) -> tuple[str, int]:
        now = int(self._now())
        claims: dict[str, Any] = {
            "iss": self._issuer, "aud": purpose, "iat": now, "exp": now + ttl_s,
            "jti": secrets.token_urlsafe(12), "sub": identity.id, "name": identity.name,
            "role": identity.role.value,
        }  # fmt: skip
        if identity.room is not None:
            claims["room"] = identity.room
        if identity.company is not None:
            claims["company"] = identity.company
        if identity.side is not None:
            claims["side"] = identity.side
        if identity.reserved:
            claims["reserved"] = True
        token = jwt.encode({"alg": ALGORITHM}, claims, self._keys[purpose], [ALGORITHM])
        return token, (now + ttl_s) * 1000

    def _open(self, purpose: str, token: str) -> Identity:
        return _identity(self._claims(purpose, token))

    def _claims(self, purpose: str, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_MAX:
            raise Refusal(Code.UNAUTHORISED, "the token is too long")
        try:
            claims = jwt.decode(token, self._keys[purpose], [ALGORITHM]).claims
            jwt.JWTClaimsRegistry(
                now=int(self._now()),
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": purpose},
                exp={"essential": True},
                iat={"essential": True},
                jti={"essential": True},
                sub={"essential": True},
            ).validate(claims)
        except ExpiredTokenError:
            raise Refusal(Code.EXPIRED_TOKEN, "the token has expired") from None
        except (JoseError, ValueError, TypeError, RecursionError):
            raise Refusal(Code.UNAUTHORISED, "the token is not valid") from None
        return claims


def _identity(claims: dict[str, Any]) -> Identity:
    """Claims as an identity; signed by us, and checked all the same."""
    person, name, role = claims.get("sub"), claims.get("name"), claims.get("role")
    room, company, side = claims.get("room"), claims.get("company"), claims.get("side")
    try:
        if not isinstance(person, str) or not PERSON_ID.fullmatch(person):
            raise ValueError("sub")
        if not isinstance(name, str) or clean_name(name) != name:
            raise ValueError("name")
        if room is not None and not (isinstance(room, str) and SLUG.fullmatch(room)):
            raise ValueError("room")
        if company is not None and not isinstance(company, str):
            raise ValueError("company")
        if side is not None and not (isinstance(side, str) and SLUG.fullmatch(side)):
            raise ValueError("side")
        return Identity(
            id=person, name=name, role=Role(str(role)), company=company, room=room,
            reserved=claims.get("reserved") is True, side=side,
        )  # fmt: skip
    except (ValueError, NameRefused):
        raise Refusal(Code.UNAUTHORISED, "the token's claims are not valid") from None
