"""A root with files of sources, and the ingest job on it; other tests of sources use it, too."""

import gzip
import shutil
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, Row, SparkSession

from databank.config import Settings
from databank.errors import DataBankError
from databank.runs import Job, Outcome, Progress, Runner
from databank.sources.build import JOB
from databank.sources.config import SourcesConfig
from databank.sources.erasure.request import REQUEST_JOB, Erasure, ErasureRequest
from databank.sources.formats.registry import read_source
from databank.tables import DeltaStore, Store
from tests.support.memory_store import MemoryStore, run_step

DAY = date(2026, 1, 31)
ORDER = ("user_id", "phone", "wechat_openid", "cookie")
WEB: dict[str, Any] = {
    "source": "web",
    "format": "json",
    "path": "in/web/*",
    "becomes": "events",
    "columns": {
        "event_id": "id", "event_ts": "ts", "event": "name", "page": "url",
        "quantity": "quantity", "amount": {"expr": "cast(price as decimal(18,2)) * quantity"},
    },
    "identifiers": {"cookie": "cookie", "phone": "mobile", "user_id": "user"},
    "terminal": "web",
    "rules": [
        {"name": "known_event", "check": "event <> 'nonsense'"},
        {"name": "has_page", "check": "page is not null", "otherwise": "warn"},
        {"name": "no_debug", "check": "event <> 'debug'", "otherwise": "stop"},
    ],
}  # fmt: skip
POS: dict[str, Any] = {
    "source": "pos",
    "format": "csv",
    "path": "in/pos/*.csv",
    "becomes": "events",
    "columns": {
        "event_id": {"hash": "position"}, "event_ts": "sold", "event": {"expr": "'purchase'"},
        "amount": "amount", "shop": {"expr": "upper(store)"},
    },
    "timezone": "Asia/Shanghai",
    "identifiers": {"phone": "mobile"},
}  # fmt: skip
ADS: dict[str, Any] = {
    "source": "ads",
    "format": "parquet",
    "path": "in/ads/*.parquet",
    "becomes": "events",
    "columns": {"event_id": {"hash": "row"}, "event_ts": "at", "event": "kind"},
    "identifiers": {"wechat_openid": {"column": "openid", "scope": "app"}},
}
CRM: dict[str, Any] = {
    "source": "crm",
    "format": "csv",
    "path": "in/crm/*.csv",
    "becomes": "profiles",
    "columns": {"record_id": "no", "updated_ts": "changed"},
    "identifiers": {"phone": "mobile"},
}
ITEMS: dict[str, Any] = {
    "source": "stock",
    "format": "csv",
    "path": "in/stock/*.csv",
    "becomes": "items",
    "columns": {"item_id": "sku"},
}


@dataclass
class World:
    """A root with files, and a bank made of them: in Delta, or in memory where no run is tested."""

    spark: SparkSession
    root: Path
    sources: tuple[dict[str, Any], ...]
    timezone: str = "UTC"
    fault: Any = None
    entity_types: tuple[str, ...] = ()
    memory: bool = False

    @cached_property
    def store(self) -> Store:
        """What readers see; looked at again after each run."""
        kind = MemoryStore if self.memory else DeltaStore
        return kind(self.spark, str(self.root))

    def copy(self, root: Path) -> "World":
        """A copy of a world in memory."""
        shutil.copytree(self.root, root)
        made = replace(self, root=root)
        assert isinstance(self.store, MemoryStore)
        made.store = self.store.copy(root)
        return made

    def put(self, name: str, content: str | bytes) -> None:
        path = self.root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)

    def run(self, *, day: date = DAY, nodes: tuple[str, ...] = ()) -> Outcome:
        config = SourcesConfig(
            sources=tuple(map(read_source, self.sources)),
            identifier_order=ORDER,
            entity_types=self.entity_types,
        )
        return self.run_job(JOB, config, day=day, nodes=nodes)

    def request(
        self,
        *values: str,
        until: date = DAY,
        since: date | None = None,
        entire_person: bool = False,
    ) -> None:
        """Request to erase identifiers."""
        keys = dict(self.rows("identity.identifier", "id_value", "id_key"))
        erasures = tuple(Erasure(keys[value], since, until, entire_person) for value in values)
        self.run_job(REQUEST_JOB, ErasureRequest(erasures), day=until)

    def run_job(self, job: Job, config: Any, *, day: date, nodes: tuple[str, ...] = ()) -> Outcome:
        settings = Settings(timezone=self.timezone)
        if self.memory:
            outcome = self._run_step(job, config, settings, day, nodes)
        else:
            store = DeltaStore(self.spark, str(self.root))
            store.fault = self.fault or store.fault
            runner = Runner(store, settings, progress=Progress(quiet=True))
            hashed = "c" if job is JOB else uuid4().hex
            outcome = runner.run(job, config, day=day, config_hash=hashed, nodes=nodes)
        self.store.refresh()
        return outcome

    def _run_step(
        self, job: Job, config: Any, settings: Settings, day: date, nodes: tuple[str, ...]
    ) -> Outcome:
        assert isinstance(self.store, MemoryStore)
        store = self.store.reader()
        store.fault = self.fault or store.fault
        try:
            _, result = run_step(store, job, config, day=day, nodes=nodes, settings=settings)
        except DataBankError as error:
            outcome = "refused" if error.exit_code == 3 else "failed"
            return Outcome(job.name, nodes, outcome, 0, {}, error)
        return Outcome(job.name, nodes, "done", 0, result.summary)

    def read(self, table: str) -> DataFrame:
        return self.store.require(table)

    def metrics(self) -> list[Row]:
        return self.spark.read.format("delta").load(f"{self.root}/ops/metric").collect()

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        rows = [tuple(row) for row in self.read(table).selectExpr(*columns).collect()]
        return sorted(rows, key=str)

    def versions(self) -> int:
        return sum(1 for _ in self.root.glob("*/*/_delta_log/*.json"))
