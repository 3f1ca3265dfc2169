"""What the supervisor prints once everything is ready: the address, and where the keys are."""

from __future__ import annotations

from hub.config import Config
from hub.secrets import write_private
from hub.supervisor import Running
from rooms.model import Role

SIGNIN_FILE = "organiser-signin.txt"


async def signin_link(running: Running, *, again: bool = False) -> str | None:
    """The organiser's one-use sign-in link, made at the first start and kept in data_dir.

    None when one was made before (it is in the file, or used), unless ``again``."""
    from hub.fair.directory import open_directory

    path = running.config.server.data_dir / SIGNIN_FILE
    if path.exists() and not again:
        return None
    directory = open_directory(running.config)
    try:
        secret = await directory.create_signin_link(Role.ORGANISER)
    finally:
        await directory.close()
    link = f"{running.config.public_url}/signin/{secret}"
    write_private(path, link + "\n")
    return link


def secrets_line(running: Running) -> str:
    kept = running.secrets
    verb = "made and kept" if kept.made else "kept"
    return f"  secrets are {verb} in {kept.directory.absolute()} (organiser key: api-key)"


def address(config: Config) -> str:
    return config.public_url + "/"


async def announce(running: Running) -> None:
    """Print where the fair is, and at the first start the organiser's way in."""
    link = await signin_link(running)
    print(f"Pavilion is ready: {address(running.config)}")
    if link is not None:
        print(f"  organiser, sign in once with: {link}")
    print(secrets_line(running), flush=True)


async def announce_media(running: Running) -> None:
    """Print where media goes: a machine of media workers has no page to show."""
    media = running.config.media
    ports = f"{media.port} to {media.port + media.workers - 1}" if media.port else "free ports"
    print(f"Pavilion's media workers are ready: UDP {media.host}, {ports}")
    print(secrets_line(running), flush=True)
