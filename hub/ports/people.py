"""Accounts: registering, signing in, what a person decides about themselves; outgoing mail."""

from __future__ import annotations

from typing import Protocol


class People(Protocol):
    """Accounts of the fair. Every method may raise ``hub.ports.DirectoryLost``."""


class Mails(Protocol):
    """Mail that waits to go out, and the outbox where there is no SMTP server."""
