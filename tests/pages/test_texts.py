"""Texts and names: both catalogues complete, scripts and rooms/ of one mind."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hub.web.catalogues import texts_in_use
from hub.web.i18n import LANGUAGES, load_language, match, negotiate, read_catalogue
from rooms import messages
from rooms.closing import Close
from rooms.errors import Code
from rooms.permissions import ACTION_RIGHT, RIGHTS, Right

STATIC = Path(__file__).parents[2] / "static" / "js"
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def in_node(script: str) -> Any:
    """What ``script`` prints as JSON, with our modules at ``js``."""
    stub = "globalThis.document = {documentElement: {lang: 'en', dataset: {zone: 'UTC'}}};"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", f"{stub} const js = '{STATIC}'; {script}"],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_catalogue_has_every_text_in_use_and_no_other(tag: str) -> None:
    used = {text if isinstance(text, str) else text[0] for _, text in texts_in_use()}
    known = {}
    for message in read_catalogue(tag):
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            known[key] = message
    assert used == set(known), "run python -m hub.web.catalogues"
    for key, message in known.items():
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        assert all(forms), f"{tag}: no translation of {key!r}"
        for form in forms:
            extra = set(PLACEHOLDER.findall(str(form))) - set(PLACEHOLDER.findall(key))
            assert not extra - {"n"}, f"{tag}: unknown values {extra} in {form!r}"
            lost = set(PLACEHOLDER.findall(key)) - set(PLACEHOLDER.findall(str(form)))
            assert not lost, f"{tag}: {lost} is lost in {form!r}"


def test_chinese_is_chinese() -> None:
    texts = load_language("zh-Hans").texts
    plain = [k for k, v in texts.items() if not re.search(r"[\u4e00-\u9fff]", "".join(v))]
    assert plain == []


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-TW", "zh-Hans"),
        ("fr, de;q=0.8, zh;q=0.2", "zh-Hans"),
        ("zh;q=0.2, en-GB;q=0.9", "en"),
        ("zh;q=0, fr", "en"),
        ("zh;q=nonsense", "en"),
        (",;;q=,*" * 500, "en"),
    ],
)
def test_the_language_asked_for_first_is_given(header: str, tag: str) -> None:
    assert negotiate(header) == tag


def test_language_tags() -> None:
    assert [match(t) for t in ("zh_CN", "ZH-hans", "en-US", "fr", "", "z")] == [
        "zh-Hans", "zh-Hans", "en", None, None, None,
    ]  # fmt: skip


def test_the_scripts_know_the_names_of_the_wire() -> None:
    names = in_node(
        "const m = await import(js + '/messages.js'); console.log(JSON.stringify({client: m.CLIENT,"
        " server: m.SERVER, kinds: m.EVENT_KINDS, codes: m.CODES, close: m.CLOSE,"
        " rights: m.RIGHTS, sub: m.SUBPROTOCOL}));"
    )

    def tag(kind: Any) -> str:
        return str(kind.__struct_config__.tag)

    assert sorted(names["client"]) == sorted(tag(k) for k in messages.CLIENT_MESSAGES)
    assert sorted(names["server"]) == sorted(tag(k) for k in messages.SERVER_MESSAGES)
    assert sorted(names["kinds"]) == sorted(messages.EVENT_KINDS)
    assert sorted(names["codes"]) == sorted(Code)
    assert names["close"] == {close.name: close.value for close in Close}
    assert names["sub"] == messages.SUBPROTOCOL
    acts = {act: ACTION_RIGHT[act] for act in ACTION_RIGHT if not act.startswith("un")}
    acts["unsay"] = Right.UNSAY_OTHERS
    for role, rights in RIGHTS.items():
        mine = {act for act, right in acts.items() if right in rights}
        assert set(names["rights"][role]) == mine, role


def test_every_refusal_has_a_text_and_a_way_on() -> None:
    outcomes = in_node(
        "const m = await import(js + '/refusals.js'); const c = await import(js + '/messages.js');"
        "console.log(JSON.stringify({known: m.KNOWN, all: Object.fromEntries(c.CODES.map("
        "(code) => [code, {...m.outcomeOf(code), words: m.outcomeOf(code).ways.map(m.wayText)}])),"
        "other: m.outcomeOf('of_a_newer_server')}));"
    )
    assert sorted(outcomes["known"]) == sorted(Code), "a code without a text of its own"
    titles = [outcome["title"] for outcome in outcomes["all"].values()]
    assert len(set(titles)) == len(titles), "two codes that read the same"
    for code, outcome in [*outcomes["all"].items(), ("other", outcomes["other"])]:
        assert outcome["text"] and outcome["ways"], code
        assert "{" not in outcome["title"] + outcome["text"], f"{code}: a value is missing"


def test_no_script_can_make_markup_of_text() -> None:
    for path in STATIC.rglob("*.js"):
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text()
        )
        assert found is None, f"{path.name}: {found}"


def test_no_text_hides_in_a_template_literal() -> None:
    """The extractor does not look inside one, so such a text would never be translated."""
    for path in STATIC.rglob("*.js"):
        assert not re.search(r"\$\{[^}]*\btn?\(", path.read_text()), path.name
