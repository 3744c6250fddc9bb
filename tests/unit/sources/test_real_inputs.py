"""What other people's files look like: each source is a case, and all are loaded by one run.

Right values come from another reader (csv, json, zoneinfo), or stand beside the case.
"""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from tests.unit.sources.world import World

PLAIN = {"event_id": "id", "event_ts": "ts", "event": {"expr": "'seen'"}}
ROW = "2026-01-15T10:00:00Z"


def source(name: str, format_: str = "csv", **changes: Any) -> dict[str, Any]:
    return {
        "source": name, "format": format_, "path": f"in/{name}/*", "becomes": "events",
        "columns": PLAIN, "identifiers": {"user_id": "user"},
    } | changes  # fmt: skip


def columns(**changes: Any) -> dict[str, Any]:
    return {"columns": PLAIN | changes}


LOCAL = datetime(2026, 3, 8, 3, 0)
ZONES = {
    # written | zone of the source | moment
    "2026-01-15 10:00:00+08": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15 02:00:00+00": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15 10:00:00 GMT+8": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15 10:00:00 UTC+8": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15 10:00:00+0800": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15 10:00:00": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15T02:00:00Z": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-15 02:00:00 UTC": ("Asia/Shanghai", "2026-01-15 02:00:00"),
    "2026-01-08T03:00:00-04": ("America/New_York", "2026-01-08 07:00:00"),
    "2026-01-08T03:00:00": ("America/New_York", "2026-01-08 08:00:00"),
    "2026-01-08T03:00:00-04:00": ("America/New_York", "2026-01-08 07:00:00"),
}
PIPES = [f"{n},{ROW},u{n},1,plain" for n in range(2000)]
PIPES[10], PIPES[1990] = f'10,{ROW},u10,1,5" pipe', f'1990,{ROW},u1990,1,3" pipe'
JSON_ROW = {"id": "1", "ts": ROW, "user": "u"}
SOURCES: dict[str, tuple[dict[str, Any], bytes]] = {}


def case(name: str, content: str | bytes, format_: str = "csv", **changes: Any) -> None:
    data = content.encode() if isinstance(content, str) else content
    SOURCES[name] = (source(name, format_, **changes), data)


case("pipes", "id,ts,user,amount,note\n" + "\n".join(PIPES), **columns(amount="amount"))
case("escaped", f'id,ts,user,note\n1,{ROW},u,"say \\"hi\\", he"\n', escape="\\")
case("excel", f"\r\nsep=;\r\nid;ts;user;;\r\n1;{ROW};u;;\r\n", delimiter=";")
case("mac", f"id,ts,user\r1,{ROW},u\r2,{ROW},v\r")
case("bare", f"1,{ROW},u\n2,{ROW},v\n", header="none", names=["id", "ts", "user"])
case("wide", f"id,ts,user\n1,{ROW},名\n".encode("utf-16"))
case("case", f"id,ID,ts,user\n1,x,{ROW},u\n", **columns(shop="ID"))
case(
    "words",
    f'id,ts,user,amount,note\n1,{ROW},u,NULL,N/A\n2,{ROW},N/A,"1.234,50",x\n3,{ROW},u,"5,0",y\n',
    null_words=["NULL", "N/A"], decimal=",", thousands=".", **columns(amount="amount"),
)  # fmt: skip
case(
    "zones",
    "id,ts,user\n"
    + "".join(f"{n},{text},u\n" for n, text in enumerate(ZONES) if "-0" not in text[10:]),
    timezone="Asia/Shanghai",
)
case(
    "york",
    "id,ts,user\n" + "".join(f"{n},{text},u\n" for n, text in enumerate(ZONES)),
    timezone="America/New_York",
)
case(
    "german", "id,ts,user\n1,15.01.2026 02:00,u\n", timezone="Europe/Berlin",
    **columns(event_ts={"column": "ts", "format": "dd.MM.yyyy HH:mm"}),
)  # fmt: skip
case(
    "parts", "id,date,time,user\n1,2026-01-15,02:00,u\n2,2026-01-15,,u\n", timezone="Asia/Shanghai",
    **columns(event_ts={"concat": ["date", "time"]}),
)  # fmt: skip
case(
    "by_expr", "id,ts,user\n1,15.01.2026 02:00,u\n", timezone="Asia/Shanghai",
    **columns(event_ts={"expr": "to_timestamp(ts, 'dd.MM.yyyy HH:mm')"}),
)  # fmt: skip
case(
    "text_expr", "id,date,time,user\n1,2026-01-15,02:00,u\n2,2026-01-15,02:00:00+00,u\n",
    timezone="Asia/Shanghai", **columns(event_ts={"expr": "concat(date, ' ', time)"}),
)  # fmt: skip
case(
    "micros", "id,ts,user\n1,1768471200123456,u\n",
    **columns(event_ts={"column": "ts", "epoch": "microseconds"}),
)  # fmt: skip
AMOUNT = {"expr": "cast(get_json_object(properties, '$.revenue') as decimal(18,2))"}
case(
    "optional",
    "\n".join(
        json.dumps(JSON_ROW | {"id": str(n), "properties": properties})
        for n, properties in enumerate(({"x": 1}, {"revenue": "3.50"}, {"revenue": "5,00"}))
    ),
    "json",
    **columns(amount=AMOUNT),
)
DIGITS = [
    *("0.004", "1.255", "0.00000001", "-12345678901234567890.5", "1E3", "0.1"),
    *("123456789012345678901", "1e400"),
]
case(
    "digits", "id,ts,user,amount\n" + "".join(f"{n},{ROW},u,{x}\n" for n, x in enumerate(DIGITS)),
    **columns(amount="amount"),
)  # fmt: skip
PRODUCT = "cast(price as int) * cast(n as int)"
case(
    "product", f"id,ts,user,price,n\n1,{ROW},u,3,4\n2,{ROW},u,100000,100000\n3,{ROW},u,,4\n",
    **columns(amount={"expr": PRODUCT}),
)  # fmt: skip
case(
    "required",
    f"id,ts,user,shop\n1,{ROW},u,\n2,{ROW},u,north\n",
    **columns(shop={"column": "shop", "required": True}),
)
TWICE = '{"id":"1","ts":"TS","user":"u","color":"red","color":"blue"}'.replace("TS", ROW)
case("twice", TWICE, "json", **columns(shop="shop"))
NUMBERS = (
    '"ver":1.10,"account":12345678901234567890.12,"e":1e3,"n":[1.50,{"x":-2.0e-7}],"t":"a:1.50"'
)
case("numbers", json.dumps(JSON_ROW)[:-1] + f",{NUMBERS}}}", "json")
case("cases", json.dumps(JSON_ROW | {"userId": "a", "userid": "b"}), "json",
     **columns(one="userId", two="userid"))  # fmt: skip
case("joined", "".join(json.dumps(JSON_ROW | {"id": str(n)}) for n in range(3)), "json")
case("array", json.dumps([JSON_ROW | {"id": str(n)} for n in range(3)], indent=1), "json")
case("long_mail", json.dumps(JSON_ROW | {"mail": "a." * 3000 + "a@b.com"}), "json",
     identifiers={"email": "mail", "user_id": "user"})  # fmt: skip
case("blanks", "id,ts,user\n" + "".join(
    f"{n},{ROW},{before}u1{behind}\n"
    for n, (before, behind) in enumerate([("  ", " "), ("\xa0", ""), ("", "\t"), ("\u200b", "")])
))  # fmt: skip
case("regions", f"id,ts,user,land,tel\n1,{ROW},u,gb,07911 123456\n2,{ROW},v,CN,13912345670\n",
     identifiers={"phone": {"column": "tel", "region": {"column": "land"}}})  # fmt: skip


def parquet(**values: list[Any]) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(values).to_parquet(out)
    return out.getvalue()


case("nanos", parquet(
    id=["1"], ts=[pd.Timestamp("2026-01-15 10:00:00.123456789", tz="UTC")], user=["u"],
    at=[pd.Timestamp("2026-01-15 10:00:00.123456").time()], Zz=[1], zz=[2], **{"we`ird": [3]},
    exact=[Decimal("12345678901234567890.1200")],
), "parquet")  # fmt: skip
case("floats", parquet(id=["1", "2"], ts=[ROW] * 2, user=[12345678.0, None]), "parquet")
case("clock", parquet(id=["1"], ts=[pd.Timestamp("2026-01-15 10:00:00.5")], user=["u"]), "parquet",
     timezone="Asia/Shanghai")  # fmt: skip
BROKEN = bytearray(parquet(id=[str(n) for n in range(5000)], ts=[ROW] * 5000, user=["u"] * 5000))
BROKEN[40:400] = b"\xff" * 360
case("broken", bytes(BROKEN), "parquet")


@pytest.fixture(scope="module")
def loaded(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> World:
    sources = tuple(given for given, _ in SOURCES.values())
    world = World(spark_session, tmp_path_factory.mktemp("root"), sources, memory=True)
    for name, (given, content) in SOURCES.items():
        ending = given["format"]
        world.put(f"{name}/a:b.{ending}" if name == "nanos" else f"{name}/1.{ending}", content)
    outcome = world.run()
    assert outcome.outcome == "done", outcome.error
    return world


def events(loaded: World, name: str, *wanted: str) -> list[tuple[Any, ...]]:
    rows = loaded.read("core.events").where(f"source = '{name}'").selectExpr("event_id", *wanted)
    return sorted(tuple(row) for row in rows.collect())


def moments(loaded: World, name: str) -> dict[str, str]:
    return dict(events(loaded, name, "cast(event_ts as string)"))


def refused(loaded: World, name: str) -> list[tuple[Any, ...]]:
    rows = loaded.read("ops.quarantine").where(f"source = '{name}'")
    return sorted(tuple(row) for row in rows.select("rule", "reason").collect())


def test_stray_quotes_swallow_no_row(loaded: World) -> None:
    read = list(csv.reader(PIPES))
    rows = events(loaded, "pipes", "props['note']", "amount")
    assert {(row[0], row[1]) for row in rows} == {(row[0], row[4]) for row in read}
    assert (len(rows), sum(row[2] for row in rows)) == (2000, 2000)


def test_csv_files_as_programs_write_them(loaded: World) -> None:
    assert events(loaded, "escaped", "props['note']") == [("1", 'say "hi", he')]
    assert [row[0] for name in ("excel", "mac", "bare") for row in events(loaded, name)] == [
        "1", "1", "2", "1", "2",
    ]  # fmt: skip
    assert [row[0] for row in events(loaded, "wide")] == ["1"]
    assert events(loaded, "case", "props['shop']") == [("1", "x")]


def test_words_for_nothing_and_numbers_with_signs(loaded: World) -> None:
    assert events(loaded, "words", "cast(amount as double)", "props['note']", "size(ids)") == [
        ("1", None, None, 1),
        ("2", 1234.5, "x", 0),
        ("3", 5.0, "y", 1),
    ]


def test_a_clock_time_has_the_zone_that_it_names_or_that_of_its_source(loaded: World) -> None:
    for name, zone in (("zones", "Asia/Shanghai"), ("york", "America/New_York")):
        read = moments(loaded, name)
        for n, (text, (of, moment)) in enumerate(ZONES.items()):
            if of == zone:
                assert read[str(n)] == moment, text


def utc(zone: str, *parts: int) -> str:
    local = datetime(*parts, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type, misc]
    return f"{local.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def test_formats_parts_and_expressions_follow_the_zone_too(loaded: World) -> None:
    shanghai = utc("Asia/Shanghai", 2026, 1, 15, 2)
    assert moments(loaded, "german") == {"1": utc("Europe/Berlin", 2026, 1, 15, 2)}
    assert moments(loaded, "by_expr") == {"1": shanghai}
    midnight = utc("Asia/Shanghai", 2026, 1, 15)
    assert moments(loaded, "parts") == {"1": shanghai, "2": midnight}
    assert moments(loaded, "text_expr") == {"1": shanghai, "2": "2026-01-15 02:00:00"}
    assert moments(loaded, "micros") == {"1": "2026-01-15 10:00:00.123456"}


def test_null_of_an_expression_is_null_and_a_failed_cast_is_refused(loaded: World) -> None:
    assert events(loaded, "optional", "cast(amount as double)") == [("0", None), ("1", 3.5)]
    [(rule, reason)] = refused(loaded, "optional")
    assert rule == "unreadable_amount"
    assert reason == f'amount: cannot read "5,00" in {AMOUNT["expr"]} as decimal'


def test_amounts_keep_their_digits_and_too_many_are_refused(loaded: World) -> None:
    kept = [(str(n), Decimal(text)) for n, text in enumerate(DIGITS[:-2])]
    assert events(loaded, "digits", "amount") == kept
    large = "(a number of more than 20 digits before the point) as decimal"
    assert refused(loaded, "digits") == [
        ("unreadable_amount", f'amount: cannot read "{text}" {large}') for text in DIGITS[-2:]
    ]
    assert events(loaded, "product", "amount") == [("1", Decimal(12)), ("3", None)]
    many = f'amount: cannot read "100000 100000" in {PRODUCT} (more digits than a number may have)'
    assert refused(loaded, "product") == [("unreadable_amount", f"{many} as decimal")]


def test_a_required_column_sends_rows_without_it_to_quarantine(loaded: World) -> None:
    assert [row[0] for row in events(loaded, "required")] == ["2"]
    assert refused(loaded, "required") == [("no_shop", "does not hold: props['shop'] is not null")]


def test_json_in_every_shape(loaded: World) -> None:
    assert events(loaded, "twice", "props") == [("1", {"color": "blue"})]
    assert json.loads(TWICE)["color"] == "blue"
    assert events(loaded, "numbers", "props") == [
        ("1", {
            "ver": "1.10", "account": "12345678901234567890.12", "e": "1e3",
            "n": '[1.50,{"x":-2.0e-7}]', "t": "a:1.50",
        })
    ]  # fmt: skip
    assert events(loaded, "cases", "props") == [("1", {"one": "a", "two": "b"})]
    assert [row[0] for name in ("joined", "array") for row in events(loaded, name)] == [*"012012"]


def test_identifiers_of_any_length_and_spelling(loaded: World) -> None:
    assert events(loaded, "long_mail", "size(ids)") == [("1", 1)]
    mails = loaded.read("identity.refused").where("id_type = 'email'")
    assert [tuple(row) for row in mails.selectExpr("length(id_value)", "why").collect()] == [
        (1000, "malformed")
    ]
    assert len({row[1] for row in events(loaded, "blanks", "id_key")}) == 1
    phones = loaded.read("identity.identifier").where("id_type = 'phone'").select("id_value")
    assert {row[0] for row in phones.collect()} == {"+447911123456", "+8613912345670"}


def test_parquet_as_pandas_writes_it(loaded: World) -> None:
    [(_, moment, props)] = events(loaded, "nanos", "cast(event_ts as string)", "props")
    assert moment == "2026-01-15 10:00:00.123456"
    assert props == {
        "at": "10:00:00.123456", "Zz": "1", "zz": "2", "we`ird": "3",
        "exact": "12345678901234567890.1200",
    }  # fmt: skip
    assert moments(loaded, "clock") == {"1": "2026-01-15 02:00:00.5"}
    users = loaded.read("identity.identifier").where("id_value like '%2345678%'")
    assert [row[0] for row in users.where("id_type = 'user_id'").select("id_value").collect()] == [
        "12345678"
    ]


def test_a_broken_file_is_refused_alone(loaded: World) -> None:
    status = {row[0]: row[1:] for row in loaded.rows("raw.file", "source", "status", "reason")}
    assert {name for name, (status_, _) in status.items() if status_ != "ok"} == {"broken"}
    assert status["broken"][0] == "truncated"
    assert events(loaded, "broken") == []


def test_every_record_is_loaded_repeated_or_in_quarantine(loaded: World) -> None:
    records = dict(loaded.rows("raw.file", "source", "rows"))
    for name in SOURCES.keys() - {"broken"}:
        assert records[name] == len(events(loaded, name)) + len(refused(loaded, name)), name


def test_paths_with_signs_of_uris_are_paths(loaded: World) -> None:
    assert Path(dict(loaded.rows("raw.file", "source", "file"))["nanos"]).name == "a:b.parquet"
