"""A bank whose identifiers are words."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import SparkSession, functions as F

from databank.config import Settings
from databank.identity.build import JOB
from databank.identity.config import IdentityConfig
from databank.identity.tables import CHANGES, LIKELY_PAIR, PERSON, REJECTED, STATE
from databank.runs import Context, Outcome, Progress
from databank.session import small_frame
from databank.sources.erasure.core import erase_from_core
from databank.sources.erasure.request import Erasure, Hashed, note_completed
from databank.sources.erasure.secret import newest_secret
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES
from tests.support.bank import DAY, Bank

TYPES = {"u": "user_id", "p": "phone", "c": "cookie", "e": "email"}


class World:
    """A bank whose identifiers are words: u1 is a user id, p1 a phone, c1 a cookie, e1 mail."""

    def __init__(
        self,
        spark: SparkSession,
        root: Path,
        *records: str,
        on_disk: bool = False,
        bank: Bank | None = None,
    ) -> None:
        self.bank = bank or Bank(spark, root, on_disk=on_disk)
        self.spark, self.seen = spark, 0
        self.keys: dict[str, int] = {}
        self.gone: set[str] = set()
        if records:
            self.come(DAY, *records)

    def copy(self, root: Path) -> "World":
        """The same bank at another place."""
        copied = World(self.spark, root, bank=self.bank.copy(root))
        copied.seen, copied.keys, copied.gone = self.seen, dict(self.keys), set(self.gone)
        return copied

    def come(self, day: date, *records: str) -> None:
        """Records of a day, each a list of identifiers, the strongest first."""
        self.load([(day, record) for record in records])

    def load(
        self,
        records: Sequence[tuple[date, str]],
        profiles: Mapping[str, str] | None = None,
    ) -> None:
        """Records of several days, at once; profiles by id, told anew on the last of them."""
        profiles = profiles or {}
        texts = [*(record for _, record in records), *profiles.values()]
        words = {word for text in texts for word in text.split()} - set(self.keys)
        fresh = {word: len(self.keys) + number for number, word in enumerate(sorted(words), 1)}
        self.keys |= fresh
        # what was erased has the key that it had
        back = {word for text in texts for word in text.split()} & self.gone
        self.gone -= back
        named = {**fresh, **{word: self.keys[word] for word in sorted(back)}}
        known = [(key, TYPES[word[0]], "", word, 0) for word, key in named.items()]
        schema = "id_key bigint, id_type string, scope string, id_value string, salt int"
        events = [
            ("web", str(self.seen + n), f"{day} 10:00:00", [self.keys[w] for w in record.split()])
            for n, (day, record) in enumerate(records)
        ]
        shape = "source string, event_id string, event_ts string, ids array<bigint>"
        rows = small_frame(self.spark, events, shape).selectExpr(
            "source", "event_id", "ids", "cast(event_ts as timestamp) AS event_ts",
            "ids[0] AS id_key", "'view' AS event", "to_date(event_ts) AS day",
        )  # fmt: skip
        tables = {IDENTIFIER: small_frame(self.spark, known, schema), EVENTS: rows}
        last = max(day for day, _ in records)
        stated = [
            ("crm", name, [self.keys[word] for word in record.split()], f"{last} 09:00:00")
            for name, record in profiles.items()
        ]
        shape = "source string, record_id string, ids array<bigint>, updated_ts string"
        shown = small_frame(self.spark, stated, shape)
        shown = shown.withColumn("updated_ts", F.col("updated_ts").cast("timestamp"))
        self.bank.publish(
            {**tables, PROFILES: shown},
            day=last,
            added=tables if self.seen else (),
            changed=[PROFILES] if self.seen else (),
        )
        self.seen += len(records)

    def link(self, *pairs: str) -> None:
        """What link_profiles has found: pairs and their probability, `a b 0.97`."""
        lines = [line.split() for line in pairs]
        rows = [
            ("people", *sorted((self.keys[a], self.keys[b])), float(score)) for a, b, score in lines
        ]
        shape = "name string, a_key bigint, b_key bigint, score double"
        likely = small_frame(self.spark, rows, shape).withColumns(
            {"n": F.lit(1).cast("bigint"), "linked": F.col("score") >= 0.9}
        )
        self.bank.publish({LIKELY_PAIR: likely})

    def erase(
        self, day: date, *words: str, since: date | None = None, entire_person: bool = False
    ) -> None:
        """Take identifiers from the records of a period, as ingest does."""
        store = self.bank.store
        tables = [EVENTS, PROFILES, IDENTIFIER, ERASED_IDENTIFIER]
        store.refresh()
        store.start_run(f"erased-{uuid4().hex}", tables)
        context = Context(
            self.spark, store, Settings(), day, store.run_id, (), None, "", Progress(quiet=True)
        )
        erased = [Erasure(self.keys[word], since, day, entire_person) for word in words]
        erase_from_core(context, erased)
        secret = newest_secret(store.files, context.settings)
        note_completed(context, [Hashed(secret.digest(each[0]), *each[1:]) for each in erased])
        store.publish("erased", day)
        known = {row[0] for row in self.bank.rows(IDENTIFIER, "id_value")}
        self.gone |= {*words} - known

    def resolve(self, day: date = DAY, **config: Any) -> Outcome:
        given = {"identifiers": list(TYPES.values()), **config}
        return self.bank.run(JOB, IdentityConfig.model_validate(given), day=day)

    def resolve_all(self, day: date = DAY, **config: Any) -> Outcome:
        """Resolve with another version of the logic, which solves everything again."""
        state = self.bank.read(STATE).withColumn("logic_version", F.lit(0))
        self.bank.publish({STATE: state.localCheckpoint()}, day=day)
        return self.resolve(day, **config)

    def changes(self, day: date) -> set[tuple[str, str, str]]:
        """kind, and the two ends of the link or the identifier that made it."""
        rows = self.bank.rows(CHANGES, "kind", "a_key", "b_key", where=f"day = date '{day}'")
        return {(kind, self.word(a), self.word(b)) for kind, a, b in rows}

    def word(self, key: int | None) -> str:
        return {key: word for word, key in self.keys.items()}.get(key or 0, "")

    def persons(self) -> set[frozenset[str]]:
        groups: dict[int, set[str]] = {}
        for key, person in self.bank.rows(PERSON, "id_key", "person_id"):
            groups.setdefault(person, set()).add(self.word(key))
        return {frozenset(group) for group in groups.values()}

    def rejected(self) -> set[tuple[str, str, str]]:
        rows = self.bank.rows(REJECTED, "a_key", "b_key", "rule")
        return {(self.word(a), self.word(b), rule) for a, b, rule in rows}


PEOPLE = {
    "people": {
        "sources": ["crm"],
        "compare": {"name": "name", "born": "date"},
        "block_on": [["name"]],
        "em_blocks": [["name"], ["born"]],
        "deterministic_rules": [["name", "born"]],
    }
}


def group(*texts: str) -> set[frozenset[str]]:
    return {frozenset(text.split()) for text in texts}


def pair(a: str, b: str) -> dict[str, dict[str, str]]:
    return {end: {"type": TYPES[w[0]], "value": w} for end, w in (("a", a), ("b", b))}
