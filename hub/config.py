"""Configuration: one model for config.toml, the environment and the documentation.

Any key can be set from the environment, ``PAVILION__SERVER__PORT=8080``; lists are JSON.
An unknown key or a wrong type stops the start with the key's name (``BadConfig``).
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_ORIGIN: Final = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")

_HOST_PORT: Final = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):[1-9][0-9]{0,4}")

Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fair(Section):
    """What pages call the fair, and the zone its times are in."""

    name: str = Field("Pavilion", min_length=1, max_length=80, description="shown on every page")
    time_zone: str = Field("UTC", description="IANA zone of the fair's place, Asia/Shanghai")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("an IANA time zone is expected, such as Asia/Shanghai") from None
        return value


class Server(Section):
    """Where people reach the hub."""

    host: str = Field("127.0.0.1", description="address the hub workers listen on")
    port: Port = Field(8080, description="TCP port of pages, API and WebSocket")
    workers: int = Field(2, ge=1, le=64, description="hub worker processes")
    public_url: str = Field("", description="address people type; empty: http://host:port")
    allowed_origins: tuple[str, ...] = Field((), description="exact origins; empty: public_url")
    trusted_proxies: tuple[str, ...] = Field((), description="networks whose X-Forwarded-* count")
    tls_cert: Path | None = Field(None, description="PEM certificate chain")
    tls_key: Path | None = Field(None, description="PEM private key")
    data_dir: Path = Field(Path("data"), description="secrets, SQLite, the embedded store")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)  # its ValueError names what was expected
        return value

    @field_validator("allowed_origins", "public_url")
    @classmethod
    def _exact_origins(cls, value: Any) -> Any:
        for origin in [value] if isinstance(value, str) else value:
            # A browser states scheme://host[:port] in lower case; anything else never matches.
            if origin and not _ORIGIN.fullmatch(origin.rstrip("/") if value is origin else origin):
                raise ValueError(f"{origin!r}: https://host or http://host:port is expected")
        return value


class Redis(Section):
    """Seats, waitlists, presence. Empty url: the embedded Valkey."""

    url: str = Field("", description="redis://, rediss:// or unix:// address")
    confirm_replicas: int = Field(0, ge=0, le=9, description="replicas that must confirm (WAIT)")
    on_loss: Literal["hold", "fence"] = Field("hold", description="members stay, or are sent away")


class Database(Section):
    url: str = Field("", description="empty: SQLite in data_dir; postgresql+asyncpg://… else")


class Media(Section):
    """The media workers: one UDP port each, counted up from ``port``."""

    host: str = Field("127.0.0.1", description="address the UDP sockets are bound to")
    port: Port = Field(9000, description="UDP port of the first media worker")
    workers: int = Field(1, ge=0, le=64, description="media worker processes; 0: no media")
    advertise: tuple[str, ...] = Field((), description="addresses put into answers; empty: host")
    control_host: str = Field("", description="address for hubs of other machines; empty: none")
    control_port: Port = Field(9200, description="TCP port of the first worker's control channel")
    remote: tuple[str, ...] = Field((), description="control host:port of other machines' workers")

    @field_validator("remote")
    @classmethod
    def _host_and_port(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not _HOST_PORT.fullmatch(address):
                raise ValueError(f"{address!r}: host:port is expected, such as 10.0.0.5:9200")
        return value


class Turn(Section):
    """TURN with REST credentials (coturn use-auth-secret). Empty urls: none offered."""

    urls: tuple[str, ...] = ()
    secret: SecretStr = SecretStr("")
    ttl_s: int = Field(600, ge=60, le=86_400)


class Onsite(Section):
    """Visitors on site: identity numbers and the gate."""

    retention_days: int = Field(
        30, ge=1, le=3650, description="identity numbers are erased this long after the fair"
    )
    grace_min: int = Field(
        15, ge=0, le=720, description="minutes before and after its slot in which a pass is good"
    )


class Programme(Section):
    """How much longer than its conferences a room is open."""

    open_before_s: int = Field(
        600, ge=0, le=86_400, description="a room opens so long before its conference"
    )
    close_after_s: int = Field(
        600, ge=0, le=86_400, description="and closes so long after the conference's end"
    )


class Appointments(Section):
    """How many meetings one person may ask for: visitors, and the staff of companies
    (exhibitors). A day is the day of the meeting, in the fair's zone."""

    hold_h: float = Field(
        24, gt=0, le=720, description="hours a request holds its time, never past its beginning"
    )
    visitor_pending: int = Field(30, ge=0, le=10_000, description="unanswered requests in all")
    visitor_pending_day: int = Field(12, ge=0, le=10_000, description="... for one day")
    visitor_confirmed: int = Field(100, ge=0, le=10_000, description="agreed meetings to come")
    visitor_confirmed_day: int = Field(20, ge=0, le=10_000, description="... on one day")
    exhibitor_pending: int = Field(60, ge=0, le=10_000, description="unanswered requests in all")
    exhibitor_pending_day: int = Field(24, ge=0, le=10_000, description="... for one day")
    exhibitor_confirmed: int = Field(200, ge=0, le=10_000, description="agreed meetings to come")
    exhibitor_confirmed_day: int = Field(30, ge=0, le=10_000, description="... on one day")


class Mail(Section):
    """The SMTP server that mail leaves by. Without a host it waits in the outbox."""

    host: str = Field("", description="SMTP server; empty: mail stays in the outbox")
    port: Port = Field(587, description="587 for starttls, 465 for tls, 25 for none")
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field("", description="From of every mail: fair@example.org or Name <address>")
    security: Literal["none", "starttls", "tls"] = "starttls"

    @model_validator(mode="after")
    def _sender(self) -> Mail:
        address = parseaddr(self.sender)[1]
        if any(char in self.sender for char in "\r\n") or (self.sender and "@" not in address):
            raise ValueError("sender: an e-mail address is expected")
        if self.host and not address:
            raise ValueError("sender: needed with a host")
        return self


class Limits(Section):
    """Bounds; each has a reason in docs/operating.md."""

    messages_per_s: float = 20
    messages_burst: int = 40
    chat_per_s: float = 1
    chat_burst: int = 5
    joins: int = 5
    joins_window_s: float = 10
    address_connections_per_s: float = 500
    address_connections_open: int = 20_000
    lease_ms: int = Field(30_000, ge=1_000)
    offer_ms: int = Field(20_000, ge=1_000)
    renew_s: float = Field(10, gt=0)
    ping_s: float = Field(10, gt=0)
    pong_s: float = Field(5, gt=0)
    heartbeat_ms: int = Field(10_000, ge=500)
    tick_ms: int = Field(25, ge=1)
    send_soft_bytes: int = 256 * 1024
    send_hard_bytes: int = 1024 * 1024
    send_late_s: float = 10
    send_budget_bytes: int = 256 * 1024 * 1024
    waitlist_max: int = Field(5_000, ge=0)
    log_events: int = Field(1_000, ge=50)
    drain_s: float = Field(10, ge=0)
    body_s: float = Field(15, gt=0)
    import_bytes: int = Field(50_000_000, ge=1_000)
    password_memory_kib: int = Field(19_456, ge=8)
    password_passes: int = Field(2, ge=1)
    password_at_once: int = Field(2, ge=1, le=64)
    password_waiting: int = Field(50, ge=0)


class Webhooks(Section):
    """Webhooks go to public addresses over HTTPS only."""

    allow_private: bool = Field(
        False, description="also plain HTTP and private addresses: for trying out, not for a fair"
    )


class Config(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="PAVILION__", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    fair: Fair = Fair()
    server: Server = Server()
    redis: Redis = Redis()
    database: Database = Database()
    media: Media = Media()
    turn: Turn = Turn()
    onsite: Onsite = Onsite()
    programme: Programme = Programme()
    appointments: Appointments = Appointments()
    mail: Mail = Mail()
    webhooks: Webhooks = Webhooks()
    limits: Limits = Limits()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The environment wins over the file (init).
        return env_settings, init_settings

    @property
    def public_url(self) -> str:
        if self.server.public_url:
            return self.server.public_url.rstrip("/")
        scheme = "https" if self.server.tls_cert else "http"
        host = "localhost" if self.server.host in {"0.0.0.0", "::", ""} else self.server.host
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}:{self.server.port}"

    @property
    def origins(self) -> frozenset[str]:
        """Exact origins a browser may come from (docs/protocol.md section 1)."""
        if self.server.allowed_origins:
            return frozenset(self.server.allowed_origins)
        url = urlsplit(self.public_url)
        found = {f"{url.scheme}://{url.netloc}"}
        if url.hostname in {"localhost", "127.0.0.1"}:
            port = f":{url.port}" if url.port else ""
            found |= {f"{url.scheme}://localhost{port}", f"{url.scheme}://127.0.0.1{port}"}
        return frozenset(found)

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https:")

    @property
    def database_url(self) -> str:
        if self.database.url:
            return self.database.url
        path = self.server.data_dir.absolute() / "pavilion.sqlite"
        return f"sqlite+aiosqlite:///{quote(str(path))}"


class BadConfig(ValueError):
    """A configuration that cannot be used; each line names a key and what was expected."""


def _expected(error: ErrorDetails) -> str:
    """What would have been right there."""
    if error["type"] != "extra_forbidden":
        return error["msg"]
    section = Config.model_fields.get(str(error["loc"][0])) if len(error["loc"]) > 1 else None
    known = Config if section is None else section.annotation
    return f"unknown key; one of {', '.join(known.model_fields)} is expected"  # type: ignore[union-attr]


def _check_types(values: dict[str, Any]) -> None:
    """In a file a value has its type: ``port = "8080"`` is a mistake. Raises BadConfig.

    Unknown keys are the model's to refuse.
    """
    lines = []
    for name, given in values.items():
        section = Config.model_fields.get(name)
        if section is None or not isinstance(given, dict):
            continue
        try:
            # As JSON, for there a path is text and a tuple a list.
            section.annotation.model_validate_json(json.dumps(given, default=str), strict=True)  # type: ignore[union-attr]
        except ValidationError as fault:
            lines += [
                f"{'.'.join(str(part) for part in (name, *error['loc']))}: {error['msg']}"
                for error in fault.errors(include_url=False)
                if error["type"].endswith("_type")
            ]
    if lines:
        raise BadConfig("\n".join(lines))


def _check_lists(environ: Mapping[str, str]) -> None:
    """Lists in the environment are JSON. Raises BadConfig."""
    for name, text in environ.items():
        parts = name.lower().split("__")
        section = Config.model_fields.get(parts[1]) if len(parts) == 3 else None
        if parts[0] != "pavilion" or section is None:
            continue
        field = section.annotation.model_fields.get(parts[2])  # type: ignore[union-attr]
        if field is None or field.annotation != tuple[str, ...]:
            continue
        try:
            listed = json.loads(text)
        except ValueError:
            listed = None
        if not isinstance(listed, list):
            raise BadConfig(f"{name}: a JSON list is expected, such as {json.dumps(['a', 'b'])}")


def load(path: Path | None, environ: dict[str, str] | None = None) -> Config:
    """The configuration from ``path`` (if any) with the environment on top.

    Raises:
        BadConfig: unreadable file, unknown key, wrong type.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            raise BadConfig(f"{path}: {fault}") from None
    _check_types(values)
    _check_lists(os.environ if environ is None else environ)
    try:
        config = Config(**values)
    except ValidationError as fault:
        lines = [
            f"{'.'.join(str(part) for part in error['loc'])}: {_expected(error)}"
            for error in fault.errors(include_url=False)
        ]
        raise BadConfig("\n".join(lines)) from None
    except ValueError as fault:  # pydantic-settings: a list that is no JSON
        raise BadConfig(str(fault)) from None
    for name in os.environ if environ is None else environ:
        parts = name.split("__")
        if parts[0] == "PAVILION" and len(parts) > 1:
            section = Config.model_fields.get(parts[1].lower())
            known = section is not None and (
                len(parts) == 3 and parts[2].lower() in section.annotation.model_fields  # type: ignore[union-attr]
            )
            if not known:
                raise BadConfig(f"{name}: unknown key in the environment")
    return config
