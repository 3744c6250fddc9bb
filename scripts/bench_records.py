"""From records with identifiers as text to published persons, all in.

Customer records of several systems, as CSV: 2.5 records a person, 2.6 identifiers each, 2 % of the
phones are the neighbour's. databank reads them, keeps them, normalises and keys what they
hold, sets aside what is shared, and publishes persons. Beside it DuckDB does the least that finds
components of the same records: no normal forms, no guards, nothing kept but the result.
"""

import itertools
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
from bench_components import label_by_sql
from numpy.typing import NDArray

HERE = Path(__file__).parents[1]
DAY, NEXT = "2026-03-31", "2026-04-01"
_FILES = 8
_SEED = 20260331
_SOURCE = """\
source: records
format: csv
path: landing/records/*.csv.gz
becomes: profiles
columns: {record_id: record_id, updated_ts: updated_at}
identifiers: {user_id: user_id, phone: mobile, email: email, cookie: cookie}
"""
_STEP = re.compile(r"^(\w+): (.+) \((\d+\.\d) s\)$", re.M)
_DONE = re.compile(r"^(\w+): done in (\d+\.\d) s$", re.M)

Measure = Callable[..., tuple[float, float, str]]


def bench_records(folder: Path, records: int, measure: Measure) -> None:
    """Print seconds and memory of both; `measure` runs a command and gives them and its output."""
    root, conf = folder / f"records-{records}", folder / "conf"
    if not root.exists():
        make(records, root.with_suffix(".part") / "landing/records")
        root.with_suffix(".part").rename(root)
    (root / "landing/records/next.csv.gz").unlink(missing_ok=True)
    for made in root.iterdir():
        if made.name != "landing":
            shutil.rmtree(made) if made.is_dir() else made.unlink()
    write_conf(conf)
    seconds, memory, output = measure(sys.executable, __file__, str(root))
    print(f"duckdb, components alone  {seconds:7.1f} s, {memory:4.1f} GB; {output.strip()}")
    first = {job: run_job(job, root, conf, DAY, measure) for job in ("ingest", "resolve_identity")}
    total = sum(first.values())
    print(f"both jobs                 {total:7.1f} s = {total / seconds:.1f} x duckdb's components")
    for question, taken in answers(root, conf, measure):
        print(f"{question:<24} {taken:8.1f} s")
    print(f"a next day, with {records // 100:,} records more")
    write_records(root / "landing/records/next.csv.gz", next_day(records))
    for job, before in first.items():
        taken = run_job(job, root, conf, NEXT, measure)
        print(f"{job:<24} {taken / before:8.0%} of its first run")


def run_job(job: str, root: Path, conf: Path, day: str, measure: Measure) -> float:
    """Run a job and print its steps; seconds."""
    given = f"--conf-dir {conf} --root {root} --date {day}"
    command = f"{Path(sys.executable).parent}/databank run {job} {given} 2>&1"
    taken, memory, output = measure("sh", "-c", command)
    print(f"{job:<24} {taken:8.1f} s, {memory:4.1f} GB")
    for step, each in steps(output, taken):
        print(f"    {step:<40} {each:8.1f} s  {each / taken:5.0%}")
    return taken


def steps(output: str, taken: float) -> Iterator[tuple[str, float]]:
    """What a job printed of its progress: each step and its seconds."""
    begun = [(text, float(at)) for _, text, at in _STEP.findall(output)]
    done = _DONE.search(output)
    end = float(done.group(2)) if done else taken
    yield "starting Spark and closing it", taken - end
    marks = [("before the first step", 0.0), *begun, ("", end)]
    for (text, at), (_, after) in itertools.pairwise(marks):
        yield text, after - at


def answers(root: Path, conf: Path, measure: Measure) -> Iterator[tuple[str, float]]:
    """Seconds of `databank person` about a phone that a record has together with a user id."""
    record = next(
        row
        for batch in pc_csv.open_csv(next((root / "landing/records").glob("*.csv.gz")))
        for row in batch.to_pylist()
        if row["user_id"] and row["mobile"]
    )
    databank = str(Path(sys.executable).parent / "databank")
    about = (databank, "person", "phone", str(record["mobile"]), "--root", str(root))
    yield "who is it", measure(*about)[0]
    target = f"user_id:{record['user_id']}"
    yield "why is it one person", measure(*about, "--why", target, "--conf-dir", str(conf))[0]


def write_conf(conf: Path) -> None:
    """The demo's rules of identity, and one source."""
    (conf / "sources").mkdir(parents=True, exist_ok=True)
    for name in ("databank.yml", "identity.yml"):
        shutil.copy(HERE / "conf" / name, conf)
    (conf / "sources/records.yml").write_text(_SOURCE, encoding="utf-8")


# ---- records


def make(records: int, folder: Path) -> None:
    """Write so many records, their persons in random order."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(_SEED)
    persons = records * 2 // 5
    with_user, with_mail = rng.random(persons) < 0.6, rng.random(persons) < 0.7
    bounds = np.linspace(0, records, _FILES + 1).astype(int)
    for number, (low, high) in enumerate(itertools.pairwise(bounds)):
        who = rng.integers(0, persons, high - low)
        caller = np.where(rng.random(who.size) < 0.02, (who + 1) % persons, who)
        seen = text("2026-03-", rng.integers(10, 32, who.size))
        table = records_of(rng, who, caller, np.arange(low, high), seen, with_user, with_mail)
        write_records(folder / f"part-{number}.csv.gz", table)


def next_day(records: int) -> pa.Table:
    """A hundredth as many records: four of five of persons that are known."""
    rng = np.random.default_rng(_SEED + 1)
    persons, size = records * 2 // 5, records // 100
    new = persons + rng.integers(0, size // 4, size)
    who = np.where(rng.random(size) < 0.8, rng.integers(0, persons, size), new)
    # those who are known keep what they have
    first = np.random.default_rng(_SEED)
    with_user = np.append(first.random(persons) < 0.6, rng.random(size) < 0.6)
    with_mail = np.append(first.random(persons) < 0.7, rng.random(size) < 0.7)
    caller = np.where(rng.random(size) < 0.02, (who + 1) % persons, who)
    numbers = records + np.arange(size)
    seen = pa.array([NEXT]).take(pa.array(np.zeros(size, np.int64)))
    return records_of(rng, who, caller, numbers, seen, with_user, with_mail)


def records_of(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    caller: NDArray[np.int64],
    numbers: NDArray[np.int64],
    seen: pa.Array,
    with_user: NDArray[np.bool_],
    with_mail: NDArray[np.bool_],
) -> pa.Table:
    """Records of persons, with the phone of a caller who mostly is the person."""
    shares = rng.random((4, who.size))
    cookie = who * 4 + rng.integers(0, 3, who.size)
    return pa.table(
        {
            "record_id": text("r", numbers),
            "updated_at": seen,
            "user_id": text("u", who, with_user[who] & (shares[0] < 0.85)),
            "mobile": text("", 13_000_000_000 + spread(caller), shares[1] < 0.7),
            "email": text("m", spread(who), with_mail[who] & (shares[2] < 0.75), "@mail.com"),
            "cookie": text("ck-", spread(cookie), shares[3] < 0.87),
        }
    )


def write_records(path: Path, table: pa.Table) -> None:
    """As CSV, packed."""
    with pa.CompressedOutputStream(path, "gzip") as stream:
        pc_csv.write_csv(table, stream, pc_csv.WriteOptions(quoting_style="none"))


def spread(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """A bijection of the numbers below a billion: 618,033,989 is prime to it."""
    return numbers * 618_033_989 % 1_000_000_000


def text(
    begins: str,
    numbers: NDArray[np.int64],
    given: NDArray[np.bool_] | None = None,
    ends: str = "",
) -> pa.Array:
    """The numbers as text; null where not given."""
    digits = pc.cast(pa.array(numbers), pa.string())
    joined = pc.binary_join_element_wise(begins, digits, ends, "")
    return joined if given is None else pc.if_else(pa.array(given), joined, None)


# ---- the peer


def components_alone(root: Path) -> None:
    """Read, number, star edges, the smallest label around until none is smaller; write Parquet."""
    import duckdb

    db = duckdb.connect()
    types = ("user_id", "mobile", "email", "cookie")
    ids = ", ".join(f"CASE WHEN {name} <> '' THEN hash('{name}', {name}) END" for name in types)
    db.sql(
        f"CREATE TABLE r AS SELECT list_filter([{ids}], lambda x: x IS NOT NULL) AS ids"
        f" FROM read_csv('{root}/landing/records/*.csv.gz', all_varchar = true)"
    )
    db.sql(
        "CREATE TABLE e AS SELECT DISTINCT ids[1] AS a, unnest(ids) AS b FROM r WHERE len(ids) > 0"
    )
    db.sql("CREATE TABLE around AS FROM e UNION SELECT b, a FROM e UNION SELECT b, b FROM e")
    label_by_sql(db)
    db.sql(f"COPY l TO '{root}/duckdb.parquet' (FORMAT parquet)")
    records, edges = db.sql("SELECT count(*), sum(greatest(len(ids) - 1, 0)) FROM r").fetchall()[0]
    held, persons = db.sql("SELECT count(*), count(DISTINCT component) FROM l").fetchall()[0]
    print(f"{records:,} records, {edges:,} edges, {held:,} identifiers, {persons:,} components")


if __name__ == "__main__":
    components_alone(Path(sys.argv[1]))
