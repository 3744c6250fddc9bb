"""Where people live: families at one address, and halls of residence at one, too.

Homes have a random stream of their own, so that who asks for them changes nothing else.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from databank.demo import catalogue
from databank.demo.block import PersonBlock
from databank.demo.catalogue import Array

_HALL = 40  # persons a hall, about


@dataclass(frozen=True)
class Homes:
    """Homes of a block, one array entry a person.

    Attributes:
        household: Number of the person whose household it is; -1 = in a hall.
        address: The address as it is written carefully.
        told: Whether the customer file knows it.
    """

    household: Array
    address: list[str]
    stated: Array


def draw_homes(block: PersonBlock) -> Homes:
    """Give everybody an address: the family's, a hall's, or one's own."""
    people, dirt = block.people, block.settings.dirt
    rng = np.random.default_rng([block.settings.seed, block.index, 2])
    n = len(people.number)
    home = np.where(people.ring < 0, people.host, np.arange(n))
    alone = np.bincount(home, minlength=n)[home] == 1
    in_hall = alone & (rng.random(n) < dirt.in_hall)
    stated = rng.random(n) >= dirt.no_address
    halls = max(1, int(in_hall.sum()) // _HALL)
    return Homes(
        household=np.where(in_hall, -1, people.number[home]),
        address=[
            _address(block, int(at), f"Hall {at % halls + 1}" if hall else "")
            for at, hall in zip(home, in_hall, strict=True)
        ],
        stated=stated,
    )


def _address(block: PersonBlock, home: int, hall: str) -> str:
    """Street and number, city; no two homes have the same, whatever their blocks."""
    number, street = divmod(home, len(catalogue.STREETS))
    place = hall or f"{catalogue.STREETS[street]} {number + 1}"
    city = catalogue.CITIES[0 if hall else block.people.city[home]]
    return f"{place}-{block.index + 1}, {city}"


def written_addresses(block: PersonBlock, who: Array) -> pa.Array:
    """The address in each record of the customer file, now and then in capitals, or without one."""
    homes = draw_homes(block)
    rng = np.random.default_rng([block.settings.seed, block.index, 3])
    careless = rng.random(len(who)) < block.settings.dirt.address_format
    texts = [
        homes.address[person].upper().replace(",", "") if shouted else homes.address[person]
        for person, shouted in zip(who, careless, strict=True)
    ]
    return pa.array(texts, pa.string(), mask=~homes.stated[who])
