"""Secrets of endpoints and the signatures made with them (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES: Final = 32  # the specification asks for 24 to 64
PREFIX: Final = "whsec_"
_NONCE: Final = 12


def new_secret() -> bytes:
    return os.urandom(SECRET_BYTES)


def shown(secret: bytes) -> str:
    return PREFIX + base64.b64encode(secret).decode()


def sealed(key: bytes, endpoint: str, secret: bytes) -> bytes:
    """Nonce and AES-256-GCM, bound to the endpoint."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, secret, endpoint.encode())


def unsealed(key: bytes, endpoint: str, cipher: bytes) -> bytes:
    """Raises cryptography.exceptions.InvalidTag for another key."""
    return AESGCM(key).decrypt(cipher[:_NONCE], cipher[_NONCE:], endpoint.encode())


def headers(secrets: Sequence[bytes], id: str, at_s: int, body: bytes) -> dict[str, str]:
    """``webhook-signature`` carries one signature for each secret, the newest first."""
    signed = f"{id}.{at_s}.".encode() + body
    signatures = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(signature).decode()}" for signature in signatures
        ),
    }
