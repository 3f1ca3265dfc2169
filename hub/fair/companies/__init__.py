"""``SqlCompanies``: the Companies port on SQL.

Each module adds a layer to the one before: ``directory`` (search and read), ``editing`` (write,
pictures, files), ``staff`` (people and invitations), ``interest`` (favourites, cards, visits).
``catalogue`` is the directory's order and filters in memory, ``uploads`` judges what is sent.
"""

from __future__ import annotations

from hub.fair.companies.interest import CompanyInterest
from hub.fair.companies.rows import entry_of, row_of, sort_key

__all__ = ["SqlCompanies", "entry_of", "row_of", "sort_key"]


class SqlCompanies(CompanyInterest):
    """Implements ``hub.ports.companies.Companies``."""
