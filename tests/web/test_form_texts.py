"""What a form says beside a field fits every form that has such a field."""

from __future__ import annotations

import pytest

import hub.app  # noqa: F401  every part has added its texts
from hub.web import form_texts
from hub.web.i18n import load_language


def test_a_part_cannot_change_what_the_forms_of_another_say() -> None:
    with pytest.raises(ValueError, match="Enter a name"):
        form_texts.add({("name", "missing"): "Enter the company's name."})
    form_texts.add({("name", "missing"): "Enter a name."})  # the same once more is no harm
    english = load_language("en")
    assert form_texts.text(english, "name", "missing") == "Enter a name."
    assert form_texts.text(english, "link_url0", "bad_url") != form_texts.text(
        english, "url", "bad_url"
    )
