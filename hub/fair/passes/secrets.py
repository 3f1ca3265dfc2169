"""What is made of an identity number and of a pass before either touches the database.

match    HMAC-SHA-256 with a key of its own: finds the same number again. Without the key
         nobody can try out the 10^11 numbers there are.
cipher   AES-256-GCM, 12 random bytes of nonce in front; the person's id is authenticated
         with it, so a cipher moved to another person's row does not open.
code     what a pass's QR holds: HMAC-SHA-256 of the pass's random id, cut to 100 bits. The
         holder can be shown it again, and the database holds only its hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.fair.base import FairKeys
from hub.fair.passes.numbers import Number

NONCE: Final = 12
CODE_CHARS: Final = 20
TYPED_MAX: Final = 64  # characters of a code worth looking at
#: Crockford's base32: no I, L, O, U. What is read in their place is taken as what was meant.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\t": None})


class NumberUnreadable(Exception):
    """The cipher was made with another key, for another person, or was changed."""


def key_id(keys: FairKeys) -> str:
    """Names the display key without telling anything about it."""
    return hmac.new(keys.display, b"pavilion display key id", hashlib.sha256).hexdigest()[:16]


def match_of(keys: FairKeys, number: Number) -> str:
    text = "\0".join((number.kind, number.country, number.digits))
    return hmac.new(keys.match, text.encode(), hashlib.sha256).hexdigest()


def seal(keys: FairKeys, person: str, number: Number) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(keys.display).encrypt(nonce, number.digits.encode(), person.encode())


def unseal(keys: FairKeys, person: str, cipher: bytes) -> str:
    """Raises NumberUnreadable."""
    try:
        opened = AESGCM(keys.display).decrypt(cipher[:NONCE], cipher[NONCE:], person.encode())
    except (InvalidTag, ValueError):
        raise NumberUnreadable from None
    return opened.decode()


def code_of(keys: FairKeys, pass_id: str) -> str:
    digest = hmac.new(keys.vault, b"pavilion pass\0" + pass_id.encode(), hashlib.sha256).digest()
    bits = int.from_bytes(digest[:13], "big") >> (13 * 8 - CODE_CHARS * 5)
    return "".join(ALPHABET[bits >> shift & 31] for shift in range((CODE_CHARS - 1) * 5, -1, -5))


def read_code(typed: str) -> str | None:
    """The code that was typed or scanned, in its one form; None when it cannot be one."""
    if len(typed) > TYPED_MAX:
        return None
    code = typed.strip().upper().translate(_MEANT)
    return code if len(code) == CODE_CHARS and set(code) <= set(ALPHABET) else None


def hash_of(code: str) -> str:
    # 100 bits that nobody chose: a plain hash cannot be guessed back.
    return hashlib.sha256(b"pavilion pass\0" + code.encode()).hexdigest()
