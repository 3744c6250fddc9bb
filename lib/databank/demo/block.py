"""One block of persons, simulated: what all row builders read from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from databank.demo import activity
from databank.demo.activity import Ads, Happenings, Visits
from databank.demo.catalogue import Array
from databank.demo.config import WorldSettings
from databank.demo.ids import NONE, IdMaker
from databank.demo.ledger import IdentifierLedger, gear_key
from databank.demo.life import Oracle, draw_states, foretell
from databank.demo.people import Belongings, People, draw_belongings, draw_people


@dataclass(frozen=True)
class PersonBlock:
    """Latents, states, activity and identifier ledger of up to 1,000 persons."""

    index: int
    settings: WorldSettings
    rng: np.random.Generator
    people: People
    belongings: Belongings
    states: Array
    oracle: Oracle
    visits: Visits
    online: Happenings
    receipts: Happenings
    ads: Ads
    ledger: IdentifierLedger

    def gear(self, counts: Array, second: Array, who: Array, day: Array) -> tuple[Array, Array]:
        """Cookie or device of each visit: owner position and key.

        Members of a family or ring use the host's first slot (a ring: one of its devices).
        """
        people, size = self.people, len(who)
        away = self.rng.random(size) < people.host_share[who]
        owner = np.where(away, people.host[who], who)
        own_slot = second[who] & (self.rng.random(size) < 0.3)
        ring_slot = np.floor(self.rng.random(size) * people.ring_devices[who])
        slot = np.where(away, ring_slot, own_slot).astype(np.int64)
        number = counts[owner, slot, np.minimum(day, counts.shape[2] - 1)]
        return owner, gear_key(owner, slot, number.astype(np.int64))

    def event_ids(self, source: int, rows: Array) -> pa.Array:
        """64-bit ids that are unique in a source of the whole world and look random."""
        plain = (np.uint64(self.index) << np.uint64(28)) + rows.astype(np.uint64)
        salt = _mix(np.array(self.settings.seed * 16 + source, dtype=np.uint64))
        return pa.array(_mix(plain ^ salt).view("i8"))

    def device_keys(self, owner: Array, key: Array) -> dict[str, Array]:
        """Key of every device id: iOS has an IDFA; Android a GAID and an IMEI or OAID."""
        ios = self.people.ios[owner]
        dated = (key * 2_654_435_761 >> 16) % 2 == 0
        return {
            "idfa": np.where(ios, key, NONE),
            "gaid": np.where(ios, NONE, key),
            "imei": np.where(~ios & dated, key, NONE),
            "oaid": np.where(~ios & ~dated, key, NONE),
        }


def _mix(value: Array) -> Array:
    """The finaliser of splitmix64: one to one on 64 bits."""
    with np.errstate(over="ignore"):
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Array = value ^ (value >> np.uint64(31))
    return mixed


def simulate(settings: WorldSettings, index: int) -> PersonBlock:
    """Play history and future of one block from its own random stream."""
    rng = np.random.default_rng([settings.seed, index])
    people = draw_people(rng, settings, index)
    belongings = draw_belongings(rng, settings, people)
    states = draw_states(rng, settings, people)
    # The oracle has its own stream: how often it is asked must not change the world.
    oracle = foretell(np.random.default_rng([settings.seed, index, 1]), settings, people, states)
    visits = activity.draw_visits(rng, settings, people, states)
    return PersonBlock(
        index=index,
        settings=settings,
        rng=rng,
        people=people,
        belongings=belongings,
        states=states,
        oracle=oracle,
        visits=visits,
        online=activity.draw_online(rng, people, visits),
        receipts=activity.draw_receipts(rng, people, visits),
        ads=activity.draw_ads(rng, people, visits, states),
        ledger=IdentifierLedger(rng, settings.dirt, people, belongings, IdMaker(settings.seed)),
    )


def lookup(words: tuple[str, ...], index: Array) -> pa.Array:
    """The word of each index; a negative index gives null."""
    empty = index < 0
    return pa.array(words, pa.string()).take(pa.array(np.where(empty, 0, index), mask=empty))
