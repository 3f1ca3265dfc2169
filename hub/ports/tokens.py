"""Tokens and signed cookies (hub.tokens)."""

from __future__ import annotations

from typing import Protocol

from rooms.model import Identity


class Tokens(Protocol):
    """Room tokens: JWT with ``iss aud exp iat jti sub name role room reserved? side?``."""

    def issue(self, identity: Identity, ttl_s: int) -> tuple[str, int]:
        """The token and when it expires (ms since epoch)."""
        ...

    def verify(self, token: str) -> Identity:
        """Raises Refusal: unauthorised, expired_token."""
        ...

    def issue_guest(self, identity: Identity) -> tuple[str, int]:
        """The value of a guest's cookie and when it expires (ms since epoch)."""
        ...

    def verify_guest(self, cookie: str) -> Identity:
        """Raises Refusal: unauthorised, expired_token."""
        ...

    def issue_device(self, person: str, device: str) -> tuple[str, int]:
        """A short-lived access token of an app and when it expires (ms since epoch)."""
        ...

    def verify_device(self, token: str) -> tuple[str, str]:
        """(person, device); whether the device is still signed in says ``People``.
        Raises Refusal: unauthorised, expired_token."""
        ...
