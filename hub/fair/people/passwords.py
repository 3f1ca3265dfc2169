"""Passwords: argon2id (RFC 9106) in threads of its own, few at a time, so that people signing
in never slow the rooms down.

Argon2 lets go of the interpreter's lock while it computes, so one hash costs the event loop
nothing but a core it may need itself: the threads run at a lower priority, and only as many
as ``limits.password_at_once``. More than ``password_waiting`` in line are refused (Busy).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.config import Limits
from hub.ports.people import Busy

PASSWORD_MAX: Final = 200  # characters; longer ones are refused before they get here
_NICE: Final = 10

T = TypeVar("T")


def _begin_thread() -> None:
    if sys.platform == "linux":  # elsewhere a priority belongs to the whole process
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)


class Passwords:
    """One per hub worker."""

    def __init__(self, limits: Limits) -> None:
        self._hasher = PasswordHasher(
            time_cost=limits.password_passes, memory_cost=limits.password_memory_kib, parallelism=1
        )
        self._threads = ThreadPoolExecutor(
            limits.password_at_once, "password", initializer=_begin_thread
        )
        self._free = limits.password_at_once + limits.password_waiting
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Raises Busy."""
        return await self._run(lambda: self._hasher.hash(_same(password)))

    async def check(self, stored: str | None, password: str) -> tuple[bool, str | None]:
        """(whether it is right, a new hash when the parameters have changed since).

        Without ``stored`` a hash that fits nothing is checked: the same work, the same time.
        Raises Busy.
        """
        return await self._run(lambda: self._check(stored, _same(password)))

    def _check(self, stored: str | None, password: str) -> tuple[bool, str | None]:
        if stored is None and self._dummy is None:
            self._dummy = self._hasher.hash(os.urandom(16).hex())
        try:
            self._hasher.verify(stored or self._dummy or "", password)
        except (VerificationError, InvalidHashError):
            return False, None
        if stored is None:
            return False, None
        if self._hasher.check_needs_rehash(stored):
            return True, self._hasher.hash(password)
        return True, None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._free <= 0:
            raise Busy
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._free += 1


def _same(password: str) -> str:
    # The same keys give other code points on other systems (RFC 8265 section 4.2.1).
    return unicodedata.normalize("NFC", password)
