"""Room tokens: what was signed comes back; nothing else is ever believed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from msgspec import structs

from hub.tokens import ROOM, SignedTokens
from rooms.errors import Code, Refusal
from rooms.model import Identity, Role

SECRET = b"s" * 32
WHO = Identity(
    id="vip:7", name="李雷", role=Role.HOST, company="Lei & Söhne", room="hall-1", reserved=True
)


class Clock:
    s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.s


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_what_was_signed_comes_back_until_it_expires() -> None:
    clock = Clock()
    tokens = SignedTokens(SECRET, now=clock)
    token, expires_ms = tokens.issue(WHO, 60)
    assert expires_ms == 1_800_000_060_000
    assert tokens.verify(token) == WHO
    # The names of the contract (docs/protocol.md section 3).
    assert claims(token) == {
        "iss": "pavilion", "aud": ROOM, "exp": 1_800_000_060, "iat": 1_800_000_000,
        "jti": claims(token)["jti"], "sub": "vip:7", "name": "李雷", "role": "host",
        "room": "hall-1", "reserved": True, "company": "Lei & Söhne",
    }  # fmt: skip
    sided = structs.replace(WHO, side="lei-soehne")
    assert tokens.verify(tokens.issue(sided, 60)[0]) == sided
    assert claims(tokens.issue(sided, 60)[0])["side"] == "lei-soehne"
    assert claims(tokens.issue(WHO, 60)[0])["jti"] != claims(token)["jti"]
    clock.s += 61
    with pytest.raises(Refusal) as refused:
        tokens.verify(token)
    assert refused.value.code is Code.EXPIRED_TOKEN


def test_nothing_else_is_believed() -> None:
    tokens = SignedTokens(SECRET)
    good, _ = tokens.issue(WHO, 60)
    head, body, signature = good.split(".")
    raised = {**claims(good), "role": "organiser"}
    guest, _ = tokens.issue_guest(Identity(id="g_1", name="G"))
    key = tokens._keys[ROOM]
    forged = {
        "no algorithm": f"{part({'alg': 'none'})}.{body}.",
        "other algorithm": jwt.encode({"alg": "HS512"}, claims(good), key, ["HS512"]),
        "other secret": SignedTokens(b"t" * 32).issue(WHO, 60)[0],
        "the secret itself as key": jwt.encode(
            {"alg": "HS256"}, claims(good), OctKey.import_key(SECRET)
        ),
        "other issuer": SignedTokens(SECRET, issuer="else").issue(WHO, 60)[0],
        "changed body": f"{head}.{part(raised)}.{signature}",
        "guest's cookie": guest,
        "no room": tokens.issue(Identity(id="a", name="A"), 60)[0],
        "empty": "",
        "hostile": "\udcff.\x00.é",
        "long": good + "A" * 5000,
        "not three parts": f"{head}.{body}",
    }
    # Signed by us, but not what we would sign.
    for name, change in {
        "no expiry": {"exp": None},
        "expiry is text": {"exp": "tomorrow"},
        "bad id": {"sub": "a b"},
        "bad role": {"role": "king"},
        "no role": {"role": None},
        "bidi name": {"name": "a\u202eb"},
        "bad room": {"room": "../etc"},
        "company is a list": {"company": ["x"]},
        "side is no slug": {"side": "A side"},
        "side is a number": {"side": 1},
    }.items():
        wrong = {k: v for k, v in {**claims(good), **change}.items() if v is not None}
        forged[name] = jwt.encode({"alg": "HS256"}, wrong, key)
    for name, token in forged.items():
        with pytest.raises(Refusal) as refused:
            tokens.verify(token)
        assert refused.value.code is Code.UNAUTHORISED, name


def test_a_room_token_is_no_guest_cookie() -> None:
    tokens = SignedTokens(SECRET, b"c" * 32)
    guest = Identity(id="g_1", name="G")
    cookie, _ = tokens.issue_guest(guest)
    assert tokens.verify_guest(cookie) == guest
    token, _ = tokens.issue(Identity(id="g_1", name="G", room="hall-1"), 60)
    not_guest, _ = tokens.issue_guest(Identity(id="vip", name="V"))
    for wrong in (token, not_guest):
        with pytest.raises(Refusal):
            tokens.verify_guest(wrong)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SignedTokens(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        SignedTokens(SECRET, b"short")
