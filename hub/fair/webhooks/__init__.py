"""Webhooks as Standard Webhooks 1.0 has them (standard-webhooks.md): an outbox in SQL, sent
by whichever hub takes a message first, at least once, in order per room and endpoint."""

from __future__ import annotations

from hub.fair.webhooks.endpoints import SqlWebhooks

__all__ = ["SqlWebhooks"]
