"""Results on SQL: ``SqlResults``, put together from what it does.

rows       rows, records, content      standing   who belongs to a talk, who confirms
writing    drafts, versions, confirmations        attachments   judged and sealed
releasing  publishing, corrections     telling    mails to parties
reading    for parties and organiser   lists      for everybody: what is published
privacy    a copy of a person's data, and its end
"""

from __future__ import annotations

from hub.fair.results.lists import Lists

__all__ = ["SqlResults"]


class SqlResults(Lists):
    """Implements ``hub.ports.results.Results``."""
