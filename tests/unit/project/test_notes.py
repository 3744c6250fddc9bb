"""What the report says of a project: the currency, what RFM counts, which sections are wanted."""

import shutil
from pathlib import Path

from databank.project.load import load_project
from databank.project.notes import report_config
from databank.reports.config import RfmNote
from databank.reports.registry import SECTIONS
from tests.unit.project.test_load import conf, write

__all__ = ["conf"]  # a fixture

OPTIONAL = {"trends", "visits", "lifecycle", "rfm", "audiences", "lookalike", "tags", "models"}


def test_amounts_are_in_the_currency_of_the_bank_unless_they_say_otherwise(conf: Path) -> None:
    write(conf, "databank.yml", "currency: CNY\n")
    write(
        conf,
        "indicators/zz.yml",
        """
indicators:
  - {name: zz_sales, kind: sum, event: purchase, of: amount}
  - {name: zz_pounds, kind: sum, event: purchase, of: amount, unit: GBP}
  - {name: zz_pieces, kind: sum, event: purchase, of: quantity}
  - {name: zz_orders, kind: count, event: purchase}
""",
    )
    write(
        conf,
        "tags/zz.yml",
        """
tags:
  - {name: zz_spend, kind: measure, event: purchase, measure: sum(amount)}
  - {name: zz_logins, kind: measure, event: login, measure: count}
""",
    )
    config = report_config(load_project(conf))
    units = {note.name: note.unit for note in (*config.indicators, *config.tags)}
    assert config.currency == "CNY"
    assert {name: unit for name, unit in units.items() if name.startswith("zz_")} == {
        "zz_sales": "CNY",
        "zz_pounds": "GBP",
        "zz_pieces": "",
        "zz_orders": "",
        "zz_spend": "CNY",
        "zz_logins": "",
    }


def test_recency_and_frequency_are_those_of_the_event_that_conf_names(conf: Path) -> None:
    # audiences of the demo ask for the last two
    names = ("reader", "purchase", "loyalty")
    when = ", ".join(f"{{name: {name}, when: \"events('read') >= 1\"}}" for name in names)
    stages = f"stages: [{when}]\n"
    cuts = "cuts: {r: [1], f: [2]}"
    write(conf, "lifecycle.yml", f"{stages}rfm: {{event: read, frequency: days, {cuts}}}\n")
    assert report_config(load_project(conf)).rfm == RfmNote(event="read", counted="days")
    write(
        conf,
        "lifecycle.yml",
        f"{stages}rfm: {{event: read, frequency: {{distinct: category}}, {cuts}}}\n",
    )
    assert report_config(load_project(conf)).rfm == RfmNote(event="read", counted="category")
    write(conf, "lifecycle.yml", stages)
    config = report_config(load_project(conf))
    assert (config.rfm, config.stages) == (None, names)


def test_the_demo_asks_for_all_sections_and_a_bare_bank_for_none_that_needs_configuration(
    conf: Path, tmp_path: Path
) -> None:
    def wanted(folder: Path) -> set[str]:
        config = report_config(load_project(folder))
        return {section.key for section in SECTIONS if section.is_wanted(config)}

    assert wanted(conf) == {section.key for section in SECTIONS}
    kept = {"databank.yml", "identity.yml", "sources"}
    left_out = [path.name for path in conf.iterdir() if path.name not in kept]
    bare = tmp_path / "bare"
    shutil.copytree(conf, bare, ignore=shutil.ignore_patterns(*left_out))
    assert wanted(bare) == {section.key for section in SECTIONS} - OPTIONAL
