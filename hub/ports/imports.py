"""Imports: sheets of people, companies, conferences and rooms on their way in.

What columns a sheet may have stands here too: the pages offer templates made from it, the
reader of ``hub.fair.imports`` finds columns by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, get_args

Kind = Literal["people", "companies", "conferences", "rooms"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
State = Literal["waiting", "running", "done", "failed", "cancelled"]

#: Headers of the column an error file has more; a sheet that comes back may have it.
REASON: Final = ("reason", "原因")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet. ``heads``: English and Chinese header, then other names it is
    known by; case, blanks and punctuation do not count. ``sample`` goes into templates."""

    name: str
    heads: tuple[str, ...]
    sample: str
    required: bool = False

    def head(self, language: str) -> str:
        return self.heads[1 if language.startswith("zh") else 0]


_KEY: Final = Column("external_key", ("External key", "外部编号", "external id", "key", "编号"), "")
_WEBSITE: Final = "https://example.org"

COLUMNS: Final[dict[Kind, tuple[Column, ...]]] = {
    "people": (
        _KEY,
        Column("name", ("Name", "姓名", "full name", "名字"), "Wang Min 王敏", True),
        Column("email", ("E-mail", "电子邮箱", "email address", "mail", "邮箱", "电子邮件"),
               "wang.min@example.org"),
        Column("country", ("Country or region", "国家或地区", "country", "region", "国家", "地区"),
               "CN", True),
        Column("organisation", ("Organisation", "单位", "organization", "company", "公司", "机构"),
               "Example Trading"),
        Column("position", ("Position", "职务", "title", "job title", "职位"), "Manager"),
        Column("sectors", ("Sectors", "感兴趣的行业", "interests", "sector", "行业", "领域"), ""),
        Column("languages", ("Languages spoken", "使用语言", "languages", "语言"), "zh-Hans, en"),
        Column("language", ("Language of mail", "通信语言", "preferred language", "首选语言"),
               "zh-Hans"),
        Column("time_zone", ("Time zone", "时区"), "Asia/Shanghai"),
    ),
    "companies": (
        _KEY,
        Column("slug", ("Address", "网址标识", "slug"), ""),
        Column("name", ("Name", "名称", "company", "公司", "公司名称", "企业名称"),
               "Example Trading", True),
        Column("name_en", ("English name", "英文名称", "name en"), ""),
        Column("name_zh", ("Chinese name", "中文名称", "name zh"), "示例贸易公司"),
        Column("sector", ("Sector", "行业", "领域"), "business", True),
        Column("country", ("Country or region", "国家或地区", "country", "region", "国家", "地区"),
               "CN", True),
        Column("summary_en", ("Summary in English", "英文简介", "summary", "summary en"),
               "Freight, customs and storage for small shops."),
        Column("summary_zh", ("Summary in Chinese", "中文简介", "简介", "summary zh"), ""),
        Column("about_en", ("About in English", "英文介绍", "about", "description"), ""),
        Column("about_zh", ("About in Chinese", "中文介绍", "介绍", "about zh"), ""),
        Column("website", ("Website", "网站", "url", "网址"), _WEBSITE),
        Column("booth", ("Booth", "展位", "stand", "展位号"), "A101"),
        Column("on_site", ("On site", "线下参展", "onsite"), "yes"),
        Column("online", ("Online", "线上参展"), "yes"),
        Column("published", ("Published", "公开"), "yes"),
    ),
    "conferences": (
        _KEY,
        Column("slug", ("Address", "网址标识", "slug"), ""),
        Column("title", ("Title", "标题", "name", "会议名称", "名称", "会议"),
               "Digital trade rules", True),
        Column("title_en", ("English title", "英文标题", "title en"), ""),
        Column("title_zh", ("Chinese title", "中文标题", "title zh"), "数字贸易规则"),
        Column("about_en", ("About in English", "英文介绍", "about", "description"), ""),
        Column("about_zh", ("About in Chinese", "中文介绍", "介绍", "about zh"), ""),
        Column("sector", ("Sector", "行业", "领域"), "business", True),
        Column("languages", ("Languages", "语言", "language"), "zh-Hans, en"),
        Column("room", ("Room", "会议室", "hall", "房间"), "hall-1"),
        Column("capacity", ("Capacity", "容量", "seats", "座位数"), "100"),
        Column("starts", ("Starts", "开始时间", "start", "开始"), "2026-09-05 09:00", True),
        Column("ends", ("Ends", "结束时间", "end", "结束"), "2026-09-05 10:30", True),
        Column("company", ("Company", "主办公司", "host company", "公司"), ""),
        Column("speakers", ("Speakers", "演讲人", "speaker", "嘉宾"),
               "Wang Min; Example Trading; Manager | Sofia Rossi"),
    ),
    "rooms": (
        Column("slug", ("Address", "网址标识", "slug"), "hall-1"),
        Column("title", ("Title", "名称", "name", "标题", "会议室"), "Hall 1", True),
        Column("kind", ("Kind", "类型"), "conference"),
        Column("capacity", ("Capacity", "容量", "seats", "座位数"), "100", True),
        Column("reserved", ("Reserved seats", "预留座位", "reserved"), "0"),
        Column("guests", ("Guests", "允许访客"), "no"),
        Column("waitlist", ("Waiting list", "候补名单", "waitlist"), "yes"),
        Column("chat", ("Chat", "聊天"), "yes"),
        Column("opens", ("Opens", "开放时间", "opens at"), ""),
        Column("closes", ("Closes", "关闭时间", "closes at"), ""),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One import. ``why`` is a code when it failed, with the column after a colon where there
    is one: ``missing_column:email``. ``header`` is the sheet's, [] before it was read;
    ``unknown`` are those of its columns that were left out."""

    id: str
    kind: Kind
    filename: str
    by: str
    dry_run: bool
    state: State
    why: str | None
    header: tuple[str, ...]
    unknown: tuple[str, ...]
    rows_total: int
    rows_done: int
    created: int
    updated: int
    unchanged: int
    bad: int
    created_ms: int
    finished_ms: int | None

    @property
    def over(self) -> bool:
        return self.state not in {"waiting", "running"}


@dataclass(frozen=True, slots=True)
class ImportFault:
    """A row that was refused: its number in the file, and why, a column and a code each."""

    id: int
    row: int
    faults: tuple[dict[str, Any], ...]  # {"column", "code", "value"}
    cells: tuple[str, ...]


class TooManyImports(Exception):
    """So many wait already that another one is not taken."""


class Imports(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""

    async def submit(
        self, kind: Kind, filename: str, source: bytes, by: str, *, dry_run: bool
    ) -> ImportJob:
        """Keep the sheet for any hub to import. Raises TooManyImports."""
        ...

    async def get(self, job: str) -> ImportJob | None: ...

    async def list(
        self, cursor: str | None = None, limit: int = 20
    ) -> tuple[Sequence[ImportJob], str | None]:
        """Newest first. Raises ValueError for a cursor that is none."""
        ...

    async def errors(self, job: str, after: int = 0, limit: int = 100) -> Sequence[ImportFault]:
        """Refused rows in the order of the sheet, from behind the fault ``after``."""
        ...

    async def cancel(self, job: str) -> bool:
        """What is in stays; nothing more comes in. False when it was over or never was."""
        ...

    async def start_real(self, job: str, by: str) -> ImportJob | None:
        """The sheet of a dry run that is done, imported; None when it is not there any more.

        Raises TooManyImports."""
        ...

    async def work(self) -> None:
        """Carry out what waits, in a process of its own; returns when nothing is left."""
        ...
