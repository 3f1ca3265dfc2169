"""docs/protocol.md shows every message of the registry, in a form the server itself reads."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from rooms import news
from rooms.messages import CLIENT_MESSAGES, SERVER_MESSAGES, encode, parse

DOC = (Path(__file__).parent.parent / "docs" / "protocol.md").read_text("utf-8")


def samples(side: str) -> list[str]:
    return re.findall(rf"```json {side}\n(.+?)\n```", DOC)


def tag(message: type[msgspec.Struct]) -> str:
    return str(message.__struct_config__.tag)


def test_each_client_message_has_a_sample_that_parses() -> None:
    seen = {tag(type(parse(text))) for text in samples("client")}
    assert seen == {tag(message) for message in CLIENT_MESSAGES}


def test_each_server_message_has_a_sample_that_is_its_wire_form() -> None:
    classes = {tag(message): message for message in SERVER_MESSAGES}
    seen = set()
    for text in samples("server"):
        name = msgspec.json.decode(text)["type"]
        seen.add(name)
        assert encode(msgspec.json.decode(text, type=classes[name])).decode() == text
    assert seen == set(classes)


def test_each_message_of_the_news_has_a_sample() -> None:
    seen = {tag(type(news.parse(text))) for text in samples("news-client")}
    assert seen == {tag(message) for message in news.CLIENT_MESSAGES}
    classes = {tag(message): message for message in news.SERVER_MESSAGES}
    seen = set()
    for text in samples("news-server"):
        name = msgspec.json.decode(text)["type"]
        seen.add(name)
        assert encode(msgspec.json.decode(text, type=classes[name])).decode() == text
    assert seen == set(classes)
