"""Read generated files with pandas, apart from the code that wrote them."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import phonenumbers

PLACEHOLDERS = {
    "unknown", "null", "", "N/A", "000000000000000", "0000000000000000",
    "00000000-0000-0000-0000-000000000000", "13800000000", "test@test.com",
}  # fmt: skip


def json_rows(root: Path, source: str) -> pd.DataFrame:
    """Readable lines of landing and arrivals, with the file's name."""
    rows: list[dict[str, Any]] = []
    for path in sorted(root.glob(f"*/{source}/*.json.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            try:
                rows.append({**json.loads(line), "file": path.name})
            except json.JSONDecodeError:
                continue
    return pd.DataFrame(rows)


def csv_rows(root: Path, source: str) -> pd.DataFrame:
    parts = [pd.read_csv(p, dtype=str) for p in sorted(root.glob(f"*/{source}/*.csv.gz"))]
    return pd.concat(parts, ignore_index=True)


def ads_rows(root: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(p) for p in sorted(root.glob("*/ads/*.parquet"))])


def canonical(id_type: str, value: str) -> str:
    if id_type == "phone":
        digits = re.sub(r"^0086", "+86", re.sub(r"[ -]", "", value))
        parsed = phonenumbers.parse(digits, "CN")
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if id_type == "idfa":
        return value.upper()
    if id_type in ("gaid", "oaid", "cookie", "email"):
        return value.strip().lower()
    return value
