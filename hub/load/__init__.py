"""Load generators that check what they see: ``pavilion load rooms | media``."""

from __future__ import annotations

import typer


def mount(app: typer.Typer) -> None:
    """Add the load commands to the command line."""
    from hub.load import media, rooms

    app.command("rooms")(rooms.command)
    app.command("media")(media.command)
