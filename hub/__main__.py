"""The command line: ``pavilion serve | demo | hub | media | check | import | backup |
restore | load``.

Exit status 0 after a clean stop, 1 for a failure, 2 for a wrong configuration or usage.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hub import logs
from hub.config import BadConfig, Config, load

app = typer.Typer(
    name="pavilion", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="The live hub of an online trade fair.",
)  # fmt: skip
audit_app = typer.Typer(no_args_is_help=True, help="The audit log.")
load_app = typer.Typer(no_args_is_help=True, help="Generate load and check what comes back.")

ConfigPath = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file; default: config.toml of this directory, if any"),
]


def _fail(text: str, status: int) -> NoReturn:
    print(f"pavilion: {text}", file=sys.stderr)
    raise typer.Exit(status)


def read_config(path: Path | None) -> Config:
    """The configuration, or exit status 2 with the key and what was expected."""
    if path is None and Path("config.toml").is_file():
        path = Path("config.toml")
    try:
        return load(path)
    except BadConfig as fault:
        _fail(f"wrong configuration\n{fault}", 2)


def _logs(role: str) -> None:
    try:
        logs.setup(role)
    except logs.BadLevel as fault:
        _fail(str(fault), 2)


@app.command()
def serve(config: ConfigPath = None) -> None:
    """Everything on this machine; prints the address when ready."""
    from hub.greeting import announce
    from hub.supervisor import Plan, supervise

    settings = read_config(config)
    _logs("supervisor")
    raise typer.Exit(supervise(settings, Plan(after_start=announce)))


@app.command()
def demo(
    config: ConfigPath = None,
    people: Annotated[
        bool, typer.Option("--people/--no-people", help="simulated people in the rooms")
    ] = True,
    full: Annotated[
        bool, typer.Option("--full", help="100,000 people, 18,000 companies, 500 conferences")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="what the invented fair is drawn from")] = 1,
) -> None:
    """Serve, with a sample fair and sample people; guests are welcome."""
    from hub.demo import furnish
    from hub.supervisor import Plan, supervise

    settings = read_config(config)
    # Whoever tries the demo wants to read the links; the workers inherit the level.
    os.environ.setdefault(logs.LEVEL_VARIABLE, "warning")
    _logs("supervisor")
    raise typer.Exit(
        supervise(settings, Plan(after_start=furnish(people=people, full=full, seed=seed)))
    )


@app.command()
def hub(config: ConfigPath = None) -> None:
    """Hub workers only: one of several machines around one Redis and one database."""
    from hub.greeting import announce
    from hub.supervisor import Plan, supervise

    settings = read_config(config)
    if not settings.redis.url:
        _fail("redis.url: an address is expected; several machines need one Redis in common", 2)
    if not settings.database.url:
        _fail("database.url: an address is expected; several machines need one database", 2)
    _logs("supervisor")
    raise typer.Exit(supervise(settings, Plan(media=False, after_start=announce)))


@app.command()
def media(config: ConfigPath = None) -> None:
    """Media workers only; the hubs of this machine find them through server.data_dir."""
    from hub.greeting import announce_media
    from hub.supervisor import Plan, supervise

    settings = read_config(config)
    _logs("supervisor")
    raise typer.Exit(supervise(settings, Plan(hubs=False, after_start=announce_media)))


@app.command()
def check(config: ConfigPath = None) -> None:
    """Read the configuration, try Redis, database, ports and TLS; say what is wrong."""
    from hub.checkup import run

    raise typer.Exit(run(read_config(config)))


@app.command(name="import")
def import_(
    kind: Annotated[str, typer.Argument(help="people, companies, conferences or rooms")],
    file: Annotated[Path, typer.Argument(help="CSV or XLSX; see the templates in /organise")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check only, change nothing")] = False,
    errors: Annotated[
        Path | None, typer.Option(help="write refused rows here (.csv or .xlsx), to be mended")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Import a sheet; one that was interrupted goes on where it stopped."""
    import asyncio

    from hub.importing import import_file
    from hub.ports.imports import KINDS

    settings = read_config(config)
    if kind not in KINDS:
        _fail(f"{kind}: {', '.join(KINDS)} is expected", 2)
    _logs("import")
    work = import_file(settings, kind, file, errors, dry_run=dry_run)
    raise typer.Exit(asyncio.run(work))


WithSecrets = Annotated[
    bool, typer.Option("--with-secrets", help="the keys of data_dir/secrets too, in clear")
]


@app.command()
def backup(file: Path, with_secrets: WithSecrets = False, config: ConfigPath = None) -> None:
    """Archive the whole database as it is at one moment; the server may run."""
    from hub import backups

    raise typer.Exit(backups.write(read_config(config), file, with_secrets=with_secrets))


@app.command()
def restore(file: Path, with_secrets: WithSecrets = False, config: ConfigPath = None) -> None:
    """Fill an empty database from a backup, on SQLite or PostgreSQL alike."""
    from hub import backups

    raise typer.Exit(backups.read(read_config(config), file, with_secrets=with_secrets))


@audit_app.command(name="verify")
def audit_verify(
    head: Annotated[
        str | None, typer.Option(help="<seq>:<hash> kept elsewhere; default: data_dir/audit.head")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Recompute the chain of hashes; exit status 1 when a row is not as it was written."""
    import asyncio

    from hub.auditing import verify

    raise typer.Exit(asyncio.run(verify(read_config(config), head)))


@app.command(hidden=True)
def worker(
    role: Annotated[str, typer.Option()],
    index: Annotated[int, typer.Option()],
    config: Annotated[Path, typer.Option()],
    ready_fd: Annotated[int, typer.Option()],
    parent: Annotated[int, typer.Option()],
    listen_fd: Annotated[int, typer.Option()] = -1,
) -> None:
    """One worker process; started by the supervisor only."""
    from hub import lifeline, workers

    lifeline.follow_parent(parent)
    _logs(f"{role}-{index}")
    settings, ready = workers.read_snapshot(config), workers.reporter(ready_fd)
    if role == "hub":
        workers.run_hub(settings, index, listen_fd, ready)
    else:
        workers.run_media(settings, index, ready)


app.add_typer(audit_app, name="audit")
app.add_typer(load_app, name="load")


def with_json_target(words: list[str]) -> list[str]:
    """``--json`` without a file means standard output, as the contract's command line has it."""
    found: list[str] = []
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        found.append(word)
        if word == "--json" and following.startswith("--"):
            found.append("-")
    return found


def main() -> None:
    """Entry point of the console script."""
    if sys.argv[1:2] == ["load"]:  # its modules take a second to import; nobody else needs them
        from hub.load import mount

        sys.argv[2:] = with_json_target(sys.argv[2:])
        mount(load_app, sys.argv[2:])
    app(prog_name="pavilion")


if __name__ == "__main__":
    main()
