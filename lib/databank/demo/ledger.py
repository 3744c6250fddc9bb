"""Identifier fields of a block: writes them, dirties them, and remembers who used which."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from databank.demo.catalogue import APP_IDS, Array
from databank.demo.config import Dirt
from databank.demo.ids import NONE, IdMaker, render
from databank.demo.people import RENEWALS, SLOTS, Belongings, People

_GEAR = SLOTS * RENEWALS
ID_TYPES = (
    "cookie", "idfa", "gaid", "imei", "oaid", "phone", "email",
    "wechat_openid", "wechat_unionid", "member_card", "user_id",
)  # fmt: skip


def gear_key(owner: Array, slot: Array, number: Array) -> Array:
    """Key of the number-th cookie or device in a slot of a person of the block."""
    return (owner * SLOTS + slot) * RENEWALS + number


@dataclass
class IdentifierLedger:
    """Makes identifier columns from keys and keeps the pairs of identifier and user.

    Keys: gear_key for cookies and devices; 2 * position + index for phones (index of the number)
    and openids (index of the mini program); the position in the block for all others.
    """

    rng: np.random.Generator
    dirt: Dirt
    people: People
    belongings: Belongings
    maker: IdMaker
    pairs: dict[str, list[Array]] = field(default_factory=lambda: defaultdict(list))

    def column(
        self, id_type: str, keys: Array, who: Array, sound: Array, *, typo_rate: float = 0.0
    ) -> pa.Array:
        """One identifier field; keys equal to NONE stay empty.

        Only sound rows count as a use: truth holds what can be read from the files.
        """
        if id_type == "imei":
            keys = self._cloned(keys)
        size = len(keys)
        hidden = (self.rng.random(size) < self.dirt.placeholder) & (keys >= 0)
        keys = np.where(hidden, NONE - 1 - self.rng.integers(0, 60, size), keys)
        mistyped = (self.rng.random(size) < typo_rate) & (keys >= 0)
        used = (keys >= 0) & sound & ~mistyped
        self.pairs[id_type].append(np.unique(keys[used] * len(self.people.number) + who[used]))
        text = render(id_type, keys, self._styles(id_type, size), lambda k: self.text(id_type, k))
        return _with_typos(text, mistyped) if mistyped.any() else text

    def _cloned(self, keys: Array) -> Array:
        clone = np.where(keys >= 0, self.belongings.clone_of[keys], -1)
        return np.where(clone >= 0, len(self.people.number) * _GEAR + clone, keys)

    def _styles(self, id_type: str, size: int) -> Array:
        """How each field is written: systems have a usual way, some fields another."""
        case = (self.dirt.id_case, 0, 2)
        rate, usual, ways = {
            "phone": (self.dirt.phone_format, 1, 6),
            "email": (self.dirt.mail_format, 0, 4),
            "idfa": case,
            "gaid": case,
            "oaid": case,
        }.get(id_type, (0.0, 0, 2))
        varied = self.rng.random(size) < rate
        varied_style = (usual + self.rng.integers(1, ways, size)) % ways
        return np.where(varied, varied_style, usual)

    def text(self, id_type: str, key: int) -> str:
        """The canonical identifier behind a key."""
        number, make = self.people.number, self.maker
        if id_type in ("cookie", "idfa", "gaid", "imei", "oaid"):
            owner, index = divmod(key, _GEAR)
            if owner >= len(number):  # a cloned IMEI belongs to no phone of the block
                return make.imei(int(number[0]), 512 + index)
            maker = {
                "cookie": make.cookie,
                "idfa": make.idfa,
                "gaid": make.gaid,
                "imei": make.imei,
                "oaid": make.oaid,
            }[id_type]
            return maker(int(number[owner]), index)
        if id_type == "phone":
            return make.phone(int(number[key // 2]), key % 2)
        if id_type == "wechat_openid":
            return make.openid(int(number[key // 2]), key % 2)
        simple = {
            "email": make.email,
            "wechat_unionid": make.unionid,
            "member_card": make.member_card,
            "user_id": make.user_id,
        }[id_type]
        return simple(int(number[key]))

    def scope(self, id_type: str, key: int) -> str:
        """The mini program of an openid; empty for the others."""
        return APP_IDS[key % 2] if id_type == "wechat_openid" else ""

    def phone_key(self, who: Array, day: Array) -> Array:
        """The phone a person has on a day."""
        later = (day >= self.belongings.phone_switch[who]).astype(np.int64)
        key: Array = self.belongings.phone[who, later]
        return key

    def used(self, id_type: str) -> tuple[Array, Array]:
        """Distinct (key, position of the person) pairs seen in sound rows."""
        pairs = [*self.pairs[id_type], np.zeros(0, np.int64)]
        key, who = np.divmod(np.unique(np.concatenate(pairs)), len(self.people.number))
        return key, who

    def held(self, id_type: str, key: Array, who: Array) -> tuple[Array, Array, Array]:
        """Day a pair begins, day it ends (beyond the history = open), and how it is shared."""
        b, people = self.belongings, self.people
        begin, end = np.zeros_like(key), np.full_like(key, b.cookies.shape[2])
        sharing = np.full(len(key), "own", dtype=object)
        if id_type in ("cookie", "idfa", "gaid", "imei", "oaid"):
            clone = key >= len(people.number) * _GEAR
            place, number = np.divmod(np.where(clone, 0, key), RENEWALS)
            owner, slot = np.divmod(place, SLOTS)
            counts = (b.cookies if id_type == "cookie" else b.devices)[owner, slot]
            begin = np.where(clone, begin, (counts < number[:, None]).sum(axis=1))
            end = np.where(clone, end, (counts <= number[:, None]).sum(axis=1))
            shared = (people.host_share[owner] > 0) & (people.host[owner] == owner)
            sharing[shared & (slot == 0)] = "family"
            sharing[shared & (people.ring[owner] >= 0)] = "ring"
            sharing[clone] = "clone"
        if id_type == "phone":
            switch, first = b.phone_switch[who], b.phone[who, 0] == key
            begin, end = np.where(first, 0, switch), np.where(first, switch, end)
            recycled = (b.phone[:, 1] != b.phone[:, 0]) & (b.phone[:, 1] % 2 == 0)
            sharing[np.isin(key, b.phone[recycled, 1])] = "recycled"
        return np.maximum(begin, people.joined[who]), end, sharing


def _with_typos(text: pa.Array, mistyped: Array) -> pa.Array:
    """Change the last digit of the chosen phones."""
    values = text.to_pylist()
    for row in np.flatnonzero(mistyped):
        last = values[row][-1]
        values[row] = values[row][:-1] + str((int(last) + 3) % 10)
    return pa.array(values, pa.string())
