"""A part that cannot be reached now. What it was asked for may have happened."""

from __future__ import annotations


class StoreLost(Exception):
    """Redis did not answer, or not within its bound. What it decided is unknown."""


class DirectoryLost(Exception):
    """The database did not answer, or not within its bound. What it did is unknown."""
