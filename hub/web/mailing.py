"""The jobs that send mail and forget what is over."""

from __future__ import annotations

from typing import Final

from hub.services import Services

EVERY_S: Final = 2.0  # how soon a mail leaves; a hub that finds none writes nothing
TIDY_S: Final = 3600.0


def setup(services: Services) -> None:
    mails = services.fair.mails

    async def send() -> None:
        while await mails.send_due() > 0:
            pass  # what failed is put off, so this ends

    if mails.sends:
        services.jobs.every(EVERY_S, "mail", send)
    services.jobs.every(TIDY_S, "tidy mail", mails.tidy)
