"""Entry slots, identity numbers, passes and the gate, on SQL.

numbers     what a good number is, in one form          (pure)
secrets     match, cipher and code: what is stored      (pure but for the nonce)
slots       entry slots                                  identities  numbers of people
booking     a person's pass                              gate        who comes in, the desk
"""

from __future__ import annotations

from hub.fair.passes.booking import SqlBooking
from hub.fair.passes.gate import SqlGate
from hub.fair.passes.identities import SqlIdentities, release
from hub.fair.passes.slots import SqlSlots

__all__ = ["SqlPasses", "release"]


class SqlPasses(SqlBooking, SqlGate, SqlSlots, SqlIdentities):
    """Implements ``hub.ports.onsite.Passes``."""
