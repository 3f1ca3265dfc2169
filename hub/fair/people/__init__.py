"""Accounts on SQL: ``SqlPeople``, put together from what it does.

records     rows, keys and hashes they all share      signin      passwords, second factor
passwords   argon2id in threads of its own            devices     sessions and apps
accounts    registering, mailed links                 privacy     profile, export, erasure
organising  search, roles, blocks
"""

from __future__ import annotations

from hub.fair.people.organising import Organising


class SqlPeople(Organising):
    """Implements ``hub.ports.people.People``."""
