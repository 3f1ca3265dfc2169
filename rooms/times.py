"""Times as the wire writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(ms: int) -> str:
    """Milliseconds since the epoch as RFC 3339, UTC, with milliseconds."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{at.isoformat(timespec='milliseconds')[:-6]}Z"  # a fifth of what strftime takes
