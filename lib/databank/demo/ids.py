"""Identifiers: realistic to a normaliser, derived from (seed, person, kind, index) alone."""

import base64
import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from databank.demo.catalogue import SURNAMES_LATIN, Array

NONE = -1  # key of an empty field; keys below it name a placeholder

# 138 is left out so that no person owns the placeholder 13800000000.
_PREFIXES = (
    *(str(p) for p in range(130, 140) if p != 138),
    *(str(p) for p in range(150, 160) if p != 154),
    *(str(p) for p in range(180, 189)),
)
# Coprime to 2, 3 and 5, and so to every modulus used here: the map is one to one.
_STRIDE = 1_618_033_987

_WORDS = ("unknown", "null", "", "N/A")
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "cookie": _WORDS,
    "idfa": ("00000000-0000-0000-0000-000000000000", *_WORDS),
    "gaid": ("00000000-0000-0000-0000-000000000000", *_WORDS),
    "imei": ("000000000000000", *_WORDS),
    "oaid": ("0000000000000000", *_WORDS),
    "phone": ("13800000000", "13800000000", *_WORDS),
    "email": ("test@test.com", "test@test.com", *_WORDS),
    "wechat_openid": _WORDS,
    "wechat_unionid": _WORDS,
    "member_card": _WORDS,
    "user_id": _WORDS,
}

STYLES = 8  # ways to write one identifier; 0 is the canonical one


def luhn_digit(digits: str) -> int:
    """The check digit that makes digits + it pass the Luhn test."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


class IdMaker:
    """Canonical identifiers of one world."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._offset = int.from_bytes(self._digest("offset")[:4], "big")

    def _digest(self, *parts: object) -> bytes:
        text = "|".join(map(str, (self._seed, *parts)))
        return hashlib.blake2b(text.encode(), digest_size=32).digest()

    def _spread(self, number: int, modulus: int) -> int:
        return (_STRIDE * number + self._offset) % modulus

    def _uuid(self, *parts: object) -> str:
        h = self._digest(*parts).hex()
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"

    def cookie(self, owner: int, index: int) -> str:
        return self._digest("cookie", owner, index).hex()[:32]

    def idfa(self, owner: int, index: int) -> str:
        return self._uuid("idfa", owner, index).upper()

    def gaid(self, owner: int, index: int) -> str:
        return self._uuid("gaid", owner, index)

    def oaid(self, owner: int, index: int) -> str:
        digest = self._digest("oaid", owner, index)
        return digest.hex()[: (16, 32, 64)[digest[0] % 3]]

    def imei(self, owner: int, index: int) -> str:
        digits = f"35{self._spread(owner * 1024 + index, 10**12):012d}"
        return f"{digits}{luhn_digit(digits)}"

    def phone(self, owner: int, index: int) -> str:
        number = self._spread(owner * 2 + index, len(_PREFIXES) * 10**8)
        return f"+86{_PREFIXES[number // 10**8]}{number % 10**8:08d}"

    def email(self, owner: int) -> str:
        name = SURNAMES_LATIN[self._digest("mail", owner)[0] % len(SURNAMES_LATIN)]
        domain = ("com", "org", "net")[owner % 3]
        return f"{name}.{self._spread(owner, 10**9):09d}@example.{domain}"

    def openid(self, owner: int, app: int) -> str:
        return "o" + base64.urlsafe_b64encode(self._digest("openid", owner, app)).decode()[:27]

    def unionid(self, owner: int) -> str:
        return "o6" + base64.urlsafe_b64encode(self._digest("unionid", owner)).decode()[:26]

    def member_card(self, owner: int) -> str:
        return f"88{self._spread(owner, 10**10):010d}"

    def user_id(self, owner: int) -> str:
        return f"u{self._spread(owner + 7, 10**9):09d}"


def styled(id_type: str, canonical: str, style: int) -> str:
    """One of the ways in which a system writes a canonical identifier."""
    if id_type == "phone":
        local = canonical.removeprefix("+86")
        parts = (local[:3], local[3:7], local[7:])
        ways = (canonical, local, f"0086{local}", " ".join(parts), "-".join(parts))
        return (*ways, f"+86 {' '.join(parts)}")[style % 6]
    if id_type == "email":
        return (canonical, canonical.upper(), f" {canonical}", f"{canonical.title()} ")[style % 4]
    return canonical.swapcase() if style else canonical


def render(id_type: str, keys: Array, styles: Array | None, make: Callable[[int], str]) -> pa.Array:
    """Turn keys into text; NONE becomes null, lower keys a placeholder."""
    ways = np.zeros_like(keys) if styles is None else styles
    combined = np.where(keys >= 0, keys * STYLES + ways, keys)
    distinct, position = np.unique(combined, return_inverse=True)
    empty = PLACEHOLDERS[id_type]

    def text(code: int) -> str | None:
        if code == NONE:
            return None
        if code < NONE:
            return empty[(NONE - 1 - code) % len(empty)]
        return styled(id_type, make(code // STYLES), code % STYLES)

    return pa.array([text(int(code)) for code in distinct], pa.string()).take(pa.array(position))
