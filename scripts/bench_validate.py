#!/usr/bin/env python3
"""Measure how long a configuration of many tags takes to be read and checked; run by hand.

Half of the tags are measures, half rules over two of these each.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from databank.project.load import load_project

CONF = Path(__file__).parents[1] / "conf"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, nargs="+", default=[1_000, 5_000, 20_000])
    for tags in parser.parse_args().tags:
        with tempfile.TemporaryDirectory() as folder:
            conf = Path(shutil.copytree(CONF, Path(folder) / "conf"))
            (conf / "tags/many.yml").write_text(_many(tags), encoding="utf-8")
            started = time.monotonic()
            load_project(conf)
            seconds = time.monotonic() - started
            print(f"{tags:>7,} tags  {seconds:6.1f} s  {1000 * seconds / tags:5.2f} ms a tag")


def _many(tags: int) -> str:
    lines = ["tags:"]
    for n in range(0, tags, 2):
        window = f"last {n % 300 + 1} days"
        keys = f"kind: measure, event: login, measure: count, window: {window}"
        when = f"events('buy', '{window}') >= {n % 7} and m{n} > 1 and m{n // 4 * 2} > 2"
        lines.append(f"  - {{name: m{n}, {keys}}}")
        lines.append(f'  - {{name: r{n}, kind: rule, when: "{when}"}}')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
