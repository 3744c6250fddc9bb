"""Configuration files: all faults in one pass, each with file, key, fact and remedy."""

import os
from pathlib import Path

import pytest
from pydantic import Field

from databank.config import ConfigReader, StrictModel
from databank.errors import ConfigFaultsError


class Inner(StrictModel):
    region: str = "CN"
    share: float = Field(default=0.5, gt=0, lt=1)


class Outer(StrictModel):
    name: str
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()


def read(tmp_path: Path, text: str | bytes, file: str = "a.yml") -> Outer | None:
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / file).write_bytes(data)
    reader = ConfigReader(tmp_path)
    model = reader.read_file(file, Outer)
    reader.finish()
    return model


def faults(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigFaultsError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_only_true_and_false_are_booleans(tmp_path: Path) -> None:
    model = read(tmp_path, "name: yes\ninner: {region: NO}")
    assert model is not None
    assert (model.name, model.inner.region) == ("yes", "NO")


def test_days_and_clock_times_stay_text(tmp_path: Path) -> None:
    assert read(tmp_path, "name: 2026-01-31") == Outer(name="2026-01-31")
    assert read(tmp_path, "name: 12:30") == Outer(name="12:30")


def test_an_unquoted_comma_is_found_where_it_stands(tmp_path: Path) -> None:
    message = faults(tmp_path, "name: x\ninner: {region: a, b}")
    assert "a.yml: line 2, column 20: 'b' stands alone between commas" in message
    assert "quote" in message


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    assert "key 'name' is given twice" in faults(tmp_path, "name: a\nname: b")


def test_an_unknown_key_in_a_nested_model_is_named_with_the_closest_known_one(
    tmp_path: Path,
) -> None:
    message = faults(tmp_path, "name: x\nmany: [{region: DE}, {regoin: FR}]")
    assert message == "a.yml: many[1].regoin: unknown key; did you mean 'region'?"


def test_all_faults_of_a_file_come_in_one_pass(tmp_path: Path) -> None:
    message = faults(tmp_path, "inner: {share: 2, colour: red}").splitlines()
    assert [line.split(": ")[1] for line in message] == ["inner.colour", "inner.share", "name"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("name: [", "a.yml: line 1"),
        (b"name: \xff\xfe", "is not UTF-8"),
        ("name: ${DATABANK_NO_SUCH_VARIABLE}", "DATABANK_NO_SUCH_VARIABLE is not set"),
        ("name: a\0b", "special characters are not allowed"),
        ("name: &a [*a]", "unfolds to too much"),
        ("[" * 20_000, "is nested too deep"),
        (f"name: {'x' * (4 << 20)}", "is the limit; split it"),
        (
            "\n".join(
                [
                    "a0: &a0 [x]",
                    *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)),
                ]
            ),
            "unfolds to too much",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_cannot_be_read_is_a_fault(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    assert message in faults(tmp_path, text)


def test_variables_of_the_environment_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABANK_TEST_NAME", "x")
    assert read(tmp_path, "name: ${DATABANK_TEST_NAME}/${DATABANK_UNSET:-y}") == Outer(name="x/y")


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.yml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    reader = ConfigReader(tmp_path)
    assert reader.read_file("a.yml", Outer) is None
    assert "is no file" in str(reader.faults[0])


def test_a_folder_that_cannot_be_read_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tags").mkdir()

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("databank.config.loader.os.listdir", refuse)
    reader = ConfigReader(tmp_path)
    assert reader.read_folder("tags", Outer) == {}
    assert (
        str(reader.faults[0]) == "tags: cannot be read (Permission denied); let this user read it"
    )


def test_values_of_the_environment_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABANK_TEST_SECRET", "hunter2hunter2")
    message = faults(tmp_path, 'name: x\ninner: {share: "${DATABANK_TEST_SECRET}!"}')
    assert "hunter2" not in message
    assert "${DATABANK_TEST_SECRET}!" in message


def test_a_wrong_value_is_shown_by_its_begin(tmp_path: Path) -> None:
    message = faults(tmp_path, f"name: x\ninner: {{share: {'y' * 5000}}}")
    assert len(message) < 250


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaultsError, match="give its path by --conf-dir"):
        ConfigReader(tmp_path / "nowhere")


def test_a_file_with_the_wrong_ending_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "a.yaml").write_text("name: x")
    reader = ConfigReader(tmp_path)
    assert reader.read_folder("tags", Outer) == {}
    with pytest.raises(ConfigFaultsError, match=r"rename it to \.yml"):
        reader.finish()
