"""YAML as people expect it: only true/false are booleans, days stay text, keys are unique."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode

from databank.errors import Fault

_LARGEST = 4 << 20  # bytes of a file
_MOST_VALUES = 1_000_000
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


@dataclass(frozen=True)
class Yaml:
    """What a file of YAML holds.

    Attributes:
        value: Its content; None if there are faults.
        faults: Why it cannot be read.
        secrets: Values that came from the environment, and the names of their variables.
    """

    value: Any
    faults: list[Fault]
    secrets: Mapping[str, str] = field(default_factory=dict)


def read_yaml(path: Path, shown: str) -> Yaml:
    """Read one YAML file; what cannot be read comes back as faults, never as an exception."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return _unread(shown, "is no file", "put a file of YAML there")
        if status.st_size > _LARGEST:
            wrong = f"has {status.st_size:,} bytes, and {_LARGEST:,} is the limit"
            return _unread(shown, wrong, "split it")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _unread(shown, "the file does not exist", "create it")
    except OSError as error:
        return _unread(shown, f"cannot be read ({error.strerror})", "let this user read it")
    except UnicodeDecodeError as error:
        return _unread(shown, f"byte {error.start} is not UTF-8", "save the file as UTF-8")
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        remedy = "quote values with commas, colons or braces, and check the indentation"
        return Yaml(None, [Fault(shown, place, str(error.problem), remedy)])
    except yaml.YAMLError as error:
        return _unread(shown, str(error).splitlines()[0], "save the file as plain text")
    except RecursionError:
        return _unread(shown, "is nested too deep", "write it flatter")
    expansion = _Expansion(shown)
    try:
        value = expansion.expand(value, "")
    except (RecursionError, OverflowError):
        wrong = "unfolds to too much: an alias stands for itself, or for many others"
        return _unread(shown, wrong, "write the values where they belong")
    return Yaml(None if expansion.faults else value, expansion.faults, expansion.secrets)


def _unread(shown: str, wrong: str, remedy: str) -> Yaml:
    return Yaml(None, [Fault(shown, "", wrong, remedy)])


class _Expansion:
    """Replaces ${NAME} and ${NAME:-default} in every text by the environment's value."""

    def __init__(self, shown: str) -> None:
        self._shown, self._values = shown, 0
        self.faults: list[Fault] = []
        self.secrets: dict[str, str] = {}

    def expand(self, value: Any, key: str) -> Any:
        """Give the value with all its texts replaced.

        Raises:
            OverflowError: If it has more parts than anybody writes; aliases may multiply.
            RecursionError: If it holds itself.
        """
        self._values += 1
        if self._values > _MOST_VALUES:
            raise OverflowError
        if isinstance(value, dict):
            return {k: self.expand(v, f"{key}.{k}".lstrip(".")) for k, v in value.items()}
        if isinstance(value, list):
            return [self.expand(v, f"{key}[{i}]") for i, v in enumerate(value)]
        return (
            _VARIABLE.sub(partial(self._variable, key), value) if isinstance(value, str) else value
        )

    def _variable(self, key: str, match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        text = os.environ.get(name, default)
        if text is None:
            wrong = f"the environment variable {name} is not set"
            remedy = f"export {name}=..., or write ${{{name}:-x}}"
            self.faults.append(Fault(self._shown, key, wrong, remedy))
        elif name in os.environ:
            self.secrets[text] = name
        return text or ""
