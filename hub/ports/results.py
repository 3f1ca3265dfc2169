"""Results: recorded, confirmed by every party, released by the organiser, shown to all."""

from __future__ import annotations

from typing import Final, Literal, Protocol

Kind = Literal["agreement", "letter_of_intent", "strategic_cooperation", "launch", "award", "other"]
KINDS: Final[tuple[Kind, ...]] = (
    "agreement", "letter_of_intent", "strategic_cooperation", "launch", "award", "other",
)  # fmt: skip
State = Literal["draft", "confirming", "confirmed", "released", "withdrawn"]


class Results(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""
