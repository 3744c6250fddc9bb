"""YAML as people expect it: only true/false are booleans, days stay text, keys are unique."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode

from databank.errors import Fault

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _Loader(yaml.SafeLoader):
    """SafeLoader without the surprises of YAML 1.1 (NO, 010, 1:30, 2026-01-31)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(self.construct_object(key_node, deep=True))
            if key in seen:
                raise ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
            # `{when: a in (1, 2)}` reads as the keys "when" and "2)": catch it where it happens
            if node.flow_style and _is_bare(key_node, value_node):
                raise ConstructorError(
                    None,
                    None,
                    f"{key!r} stands alone between commas: a value with a comma needs quotes",
                    key_node.start_mark,
                )
        return super().construct_mapping(node, deep=deep)


def _is_bare(key: Node, value: Node) -> bool:
    empty = isinstance(value, ScalarNode) and value.value == "" and value.style is None
    return bool(empty and value.start_mark.index == key.end_mark.index)


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def read_yaml(path: Path, shown: str) -> tuple[Any, list[Fault]]:
    """Read one YAML file; what cannot be read comes back as faults, never as an exception."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, [Fault(shown, "", "the file does not exist", "create it")]
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start} is not UTF-8"
        return None, [Fault(shown, "", wrong, "save the file as UTF-8")]
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        remedy = "quote values with commas, colons or braces, and check the indentation"
        return None, [Fault(shown, place, str(error.problem), remedy)]
    faults: list[Fault] = []
    return _expand(value, shown, "", faults), faults


def _expand(value: Any, shown: str, key: str, faults: list[Fault]) -> Any:
    """Replace ${NAME} and ${NAME:-default} in every text by the environment's value."""
    if isinstance(value, dict):
        return {k: _expand(v, shown, f"{key}.{k}".lstrip("."), faults) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, shown, f"{key}[{i}]", faults) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        text = os.environ.get(name, default)
        if text is None:
            wrong = f"the environment variable {name} is not set"
            faults.append(Fault(shown, key, wrong, f"export {name}=..., or write ${{{name}:-x}}"))
        return text or ""

    return _VARIABLE.sub(variable, value)
