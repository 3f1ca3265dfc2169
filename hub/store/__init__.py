"""Redis/Valkey behind the ports: seats, notices, one-use secrets, the board, placement."""

from hub.store.store import Store, open_store

__all__ = ["Store", "open_store"]
