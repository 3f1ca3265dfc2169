"""What the codes of the accounts' forms say."""

from __future__ import annotations

from hub.web import form_texts
from hub.web.form_texts import _

form_texts.add(
    {
        ("password", "too_short"): _("Use at least 10 characters."),
        ("password", "too_long"): _("Use at most 200 characters."),
        ("password", "too_common"): _("This password is among the first that anyone tries."),
        ("password", "wrong"): _("The e-mail address and the password do not fit together."),
        ("current", "wrong"): _("This is not your password."),
        ("current", "missing"): _("Enter your password."),
        ("agree", "missing"): _("Without your consent we cannot keep your registration."),
        ("agree", "stale"): _("The privacy text has changed. Read it again, then agree."),
        ("code", "wrong"): _("This code is wrong, was used already or is too old."),
        ("code", "too_short"): _("Enter all six digits."),
        ("sure", "missing"): _("Tick the box to go on."),
        ("time_zone", "not_allowed"): _("Choose a time zone from the list."),
    }
)
