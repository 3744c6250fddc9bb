"""Write the reference of configuration, macros, tables, jobs and commands out of the code.

python scripts/reference.py           writes the pages
python scripts/reference.py --check   names the pages that are not as the code is, and exits with 1
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer
from pydantic import BaseModel

from databank.cli.main import app
from databank.config.kinds import describe_key, keys_of
from databank.expressions.macros import macro_reference
from databank.models.algorithms import algorithm_reference
from databank.project.catalog import all_tables
from databank.project.jobs import JOBS
from databank.project.schemas import LISTS, file_models, key_texts, models_within, summary
from databank.quality.config import RULE_KINDS, rule_text

FOLDER = Path(__file__).parents[1] / "lib" / "databank" / "docs" / "reference"
NOTE = "This page is written by `python scripts/reference.py` out of the code."


def pages() -> dict[str, str]:
    """Give the text of each page by its file name."""
    return {
        "configuration.md": configuration_page(),
        "macros.md": macros_page(),
        "tables.md": tables_page(),
        "jobs.md": jobs_page(),
        "commands.md": commands_page(),
    }


def configuration_page() -> str:
    lines = _head("Configuration", "Every key of every file under conf/.")
    for pattern, models in file_models().items():
        lines += [f"## conf/{pattern}", ""]
        within = {each: None for model in models for each in models_within(model)}
        for model in within:
            lines += [f"### {model.__name__}", "", summary(model), "", *_keys(model)]
    for name, kinds in LISTS.items():
        lines += [f"## conf/{name}/*.yml", ""]
        lines += [f"A list `{name}` of entries; each has the keys of its kind.", ""]
        for kind in kinds.reference():
            lines += [f"### {kinds.what} kind {kind.kind}", "", kind.description, ""]
            lines += [f"`{kind.example}`", "", *_keys(kind.model)]
    lines += ["## Kinds of quality rules", ""]
    lines += _table(("key", "what must hold"), ((_code(k), rule_text(k)) for k in RULE_KINDS))
    lines += ["## Algorithms of models", ""]
    names = ("algorithm", "does", "parameter", "type", "default", "least", "most", "description")
    rows = [tuple(_cell(row[name]) for name in names) for row in algorithm_reference()]
    lines += _table(names, rows)
    return _text(lines)


def macros_page() -> str:
    lines = _head(
        "Macros", "Functions of expressions: tags, audiences, life cycle, models, labels."
    )
    for macro in macro_reference():
        lines += [f"## {macro.name}", "", macro.description, "", f"`{macro.example}`", ""]
        lines += [f"- arguments: {macro.arguments or 'none'}", f"- type: {macro.type}"]
        lines += [f"- without any event or result: {macro.empty}"]
        lines += [f"- measure of a tag: `{macro.measure}`"] if macro.measure else []
        lines.append("")
    return _text(lines)


def _keys(model: type[BaseModel]) -> list[str]:
    texts = key_texts(model)
    rows = []
    for name, field in keys_of(model).items():
        key = describe_key(name, field)
        default = "required" if key.required else _code(key.default) if key.default else ""
        rows.append((_code(name), key.type, default, texts.get(name, "")))
    return _table(("key", "type", "default", "what it is"), rows)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def tables_page() -> str:
    lines = _head("Tables", "Every table: what one row is, who writes it, its columns.")
    lines += _table(
        ("table", "one row is", "written by"),
        ((_code(name), spec.grain, spec.owner) for name, spec in all_tables().items()),
    )
    for name, spec in all_tables().items():
        facts = [f"Written by {spec.owner}.", f"Key: {', '.join(spec.key) or 'none'}."]
        if spec.retention_days:
            facts.append(f"Kept for {spec.retention_days} days.")
        if spec.change_feed:
            facts.append("Keeps a change feed.")
        lines += [
            f"## {name}",
            "",
            f"{spec.grain[0].upper()}{spec.grain[1:]}. {' '.join(facts)}",
            "",
        ]
        lines += _table(
            ("column", "type", "personal data", "what it is"),
            (
                (_code(c.name), _code(c.type), "yes" if c.pii else "", c.comment)
                for c in spec.columns
            ),
        )
    return _text(lines)


def jobs_page() -> str:
    lines = _head("Jobs", "In the order of `databank run all`; each also runs by spark-submit.")
    for name, job in JOBS.items():
        written = [table for table, spec in all_tables().items() if spec.owner == name]
        lines += [f"## {name}", "", job.purpose, ""]
        lines += [f"- builds: every {job.kind}" if job.kind else "- builds: all at once"]
        lines += [f"- reads: {_listed(job.reads)}"] if job.reads else []
        lines += [f"- uses where they are: {_listed(job.uses)}"] if job.uses else []
        lines += [f"- writes: {_listed(written)}" if written else "- writes: files under the root"]
        lines += [f"- spark-submit: `jobs/{name}.py`", ""]
    return _text(lines)


def commands_page() -> str:
    lines = _head("Commands", "What `databank COMMAND --help` says.")
    group = typer.main.get_command(app)
    context = group.make_context("databank", [], resilient_parsing=True)
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        usage = " ".join(["databank", name, *command.collect_usage_pieces(context)])
        lines += [f"## databank {name}", "", f"`{usage}`", "", (command.help or "").strip(), ""]
        rows = []
        for parameter in command.get_params(context):
            if parameter.name == "help":
                continue
            given = ", ".join(parameter.opts) if parameter.opts[0].startswith("-") else "argument"
            default = parameter.default
            shown = "" if default in (None, False) or parameter.required else _code(str(default))
            rows.append((_code(parameter.name), given, shown, getattr(parameter, "help", "") or ""))
        if rows:
            lines += _table(("parameter", "written", "default", "what it is"), rows)
    return _text(lines)


def _head(title: str, sentence: str) -> list[str]:
    return [f"# {title}", "", sentence, NOTE, ""]


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [*lines, ""]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))


def _code(text: str) -> str:
    return f"`{text}`"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def stale_pages() -> list[str]:
    """Name the pages whose file is not as the code is."""
    return [
        name
        for name, text in pages().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Write the pages, or check them."""
    if "--check" in sys.argv:
        stale = stale_pages()
        if stale:
            print(f"stale: {', '.join(stale)}; run python scripts/reference.py", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
