"""Load generators that check what they see: ``pavilion load rooms | media``."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

COMMANDS = ("rooms", "media")


def mount(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the load commands to the command line: the one ``arguments`` begins with, or all.

    Each takes a second to import; one that was not asked for is left alone.
    """
    asked = [name for name in COMMANDS if [name] == list(arguments[:1])]
    for name in asked or COMMANDS:
        app.command(name)(import_module(f"hub.load.{name}").command)
