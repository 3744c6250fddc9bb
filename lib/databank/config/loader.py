"""Read the files of a configuration folder into models and gather every fault on the way."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from databank.config.yaml import read_yaml
from databank.errors import ConfigFaultsError, Fault, ManyFaultsError, did_you_mean, faults_in

M = TypeVar("M", bound=BaseModel)
_SHOWN = 60  # signs of a wrong value
_SHORTEST_SECRET = 4  # signs; shorter values say nothing, and stand in every other word


class ConfigReader:
    """One pass over a configuration folder.

    Models come back where a file holds; faults are gathered and raised together at the end.

    Attributes:
        folder: The folder.
        faults: What is wrong so far.
        refused: Content of the files that are no models, by file.
        half_read: File, key, and the names in a text with faults, which nobody has looked up.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.faults: list[Fault] = []
        self.refused: dict[str, Any] = {}
        self.half_read: list[tuple[str, str, frozenset[str]]] = []
        self._secrets: dict[str, str] = {}
        if not self.folder.is_dir():
            wrong = "the configuration folder does not exist"
            raise ConfigFaultsError([Fault(str(folder), "", wrong, "give its path by --conf-dir")])

    def read_file(self, name: str, model: type[M], *, optional: bool = False) -> M | None:
        """Read `<folder>/<name>` as one model; an absent optional file gives the defaults."""
        path = self.folder / name
        if optional and not path.exists():
            return self._validate({}, model, name)
        return self._file(path, model)

    def read_folder(self, folder: str, model: type[M] | Callable[[Any], type[M]]) -> dict[str, M]:
        """Read every .yml of a sub-folder as one model each, by path in the order of names.

        Where models are of several types, a function of what the file holds tells which.
        """
        models = {f"{folder}/{path.name}": self._file(path, model) for path in self._files(folder)}
        return {name: value for name, value in models.items() if value is not None}

    def fault(self, file: str, key: str, wrong: str, remedy: str) -> None:
        """Note one fault."""
        self.faults.append(Fault(file, key, wrong, remedy))

    def finish(self) -> None:
        """Raise all faults noted so far.

        Raises:
            ConfigFaultsError: If there is any.
        """
        if self.faults:
            raise ConfigFaultsError([self._without_secrets(fault) for fault in self.faults])

    def _without_secrets(self, fault: Fault) -> Fault:
        """Show the name of a variable of the environment in the place of its value."""
        wrong, remedy = fault.wrong, fault.remedy
        for value, name in sorted(self._secrets.items(), key=lambda secret: -len(secret[0])):
            if len(value) >= _SHORTEST_SECRET:
                wrong, remedy = (text.replace(value, f"${{{name}}}") for text in (wrong, remedy))
        return replace(fault, wrong=wrong, remedy=remedy)

    def _files(self, folder: str) -> list[Path]:
        here = self.folder / folder
        try:
            # not by glob, for which a folder that cannot be read is an empty one
            names = sorted(os.listdir(here))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.fault(folder, "", f"cannot be read ({error.strerror})", "let this user read it")
            return []
        for name in names:
            if name.endswith(".yaml"):
                self.fault(f"{folder}/{name}", "", "ends in .yaml", "rename it to .yml")
        return [here / name for name in names if name.endswith(".yml")]

    def _file(self, path: Path, model: type[M] | Callable[[Any], type[M]]) -> M | None:
        shown = str(path.relative_to(self.folder))
        read = read_yaml(path, shown)
        self._secrets |= read.secrets
        self.faults.extend(read.faults)
        if read.faults:
            return None
        if read.value is None:
            self.fault(shown, "", "the file is empty", "fill it in, or remove it")
            return None
        chosen = model if isinstance(model, type) else model(read.value)
        return self._validate(read.value, chosen, shown)

    def _validate(self, value: Any, model: type[M], shown: str) -> M | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.faults.extend(_faults(error, model, shown))
            self.refused[shown] = value
            for item in error.errors(include_url=False):
                cause = item.get("ctx", {}).get("error")
                if isinstance(cause, ManyFaultsError) and cause.names:
                    self.half_read.append((shown, _key_path(item["loc"]), cause.names))
            return None


def _faults(error: ValidationError, model: type[BaseModel], shown: str) -> Iterable[Fault]:
    for item in error.errors(include_url=False):
        key = _key_path(item["loc"])
        if item["type"] == "extra_forbidden":
            known = _known_keys(model, item["loc"])
            yield Fault(shown, key, "unknown key", did_you_mean(str(item["loc"][-1]), known))
        elif item["type"] == "missing":
            yield Fault(shown, key, "is missing", "add it")
        elif item["type"] == "value_error":
            for wrong, remedy in faults_in(item["ctx"]["error"]):
                yield Fault(shown, key, wrong, remedy or "correct it")
        else:
            given = (
                "" if isinstance(item["input"], dict | list) else f" (given: {_cut(item['input'])})"
            )
            remedy = str(item["msg"]).replace("Input should", "it should")
            yield Fault(shown, key, f"wrong value{given}", remedy)


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _key_path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """List the keys of the model in which the unknown key was found, for the remedy."""
    models: list[type[BaseModel]] = [model]
    for part in location[:-1]:
        inner = [m for current in models for m in _models_of(current, part)]
        models = inner or models
    return sorted({alias for m in models for alias in _field_names(m)})


def _field_names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_of(model: type[BaseModel], part: int | str) -> list[type[BaseModel]]:
    if isinstance(part, int):
        return []
    field = model.model_fields.get(part)
    return _models_in(field.annotation) if field is not None else []


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in getattr(annotation, "__args__", ()) for m in _models_in(inner)]
