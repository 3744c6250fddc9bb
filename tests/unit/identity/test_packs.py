"""Packs, and what each step does when one is lost, changed or wrong."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from databank.identity.components import chunks, expand, finish, packs, rounds
from databank.identity.components.check import ComponentsCheckError
from databank.identity.components.mixing import mix, slice_starts

RNG = np.random.default_rng(17)
EDGES = RNG.integers(0, 3000, (4000, 2)).astype(np.int64)
HIGHEST = np.iinfo(np.int64).max


def given(edges: np.ndarray, rows: int = 500) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(edges), rows):
        part = np.ascontiguousarray(edges[start : start + rows].T)
        yield pa.RecordBatch.from_arrays([pa.array(end) for end in part], names=["src", "dst"])


def forests() -> list[pa.RecordBatch]:
    return list(chunks._forests(given(EDGES), most=1500))


def changed(batch: pa.RecordBatch, name: str, values: list[object]) -> pa.RecordBatch:
    at = batch.schema.get_field_index(name)
    return batch.set_column(at, name, pa.array(values, batch.schema.field(at).type))


def slice_rows(batches: list[pa.RecordBatch], keep: range) -> list[pa.RecordBatch]:
    return [pa.Table.from_batches(batches).take(list(keep)).combine_chunks().to_batches()[0]]


@pytest.mark.parametrize("size", [0, 1, packs.ROWS, packs.ROWS * 3 + 5])
def test_what_was_packed_is_unpacked(size: int) -> None:
    ids = np.sort(RNG.integers(-HIGHEST, HIGHEST, size))
    partners, codes = RNG.integers(0, 9, size), np.arange(size, dtype=np.int32)
    starts = slice_starts(5)
    batches = packs.pack(ids, partners, codes, starts=starts, kind=2, origin=7, at=100, told=3)
    held = list(packs.unpack(batches))
    assert all(each.kind == 2 and each.origin == 7 for each in held)
    assert all(each.ids.size <= packs.ROWS for each in held)
    at = 100
    for each in held:
        assert each.at == at
        assert set(np.searchsorted(starts, each.ids, side="right")) == {each.part}
        at += each.ids.size
    if size:
        for name, values in (("ids", ids), ("partners", partners), ("codes", codes)):
            got = np.concatenate([getattr(each, name) for each in held])
            np.testing.assert_array_equal(got, values)


def test_many_packs_come_in_batches_that_a_jvm_can_hold() -> None:
    ids = np.arange(packs.ROWS * 130)
    batches = list(packs.pack(ids, ids, part=4, told=9))
    assert [batch.num_rows for batch in batches] == [64, 64, 2]
    assert sum(pa.Table.from_batches(batches)["told"].to_pylist()) == 9


@pytest.mark.parametrize("name", ["ids", "partners", "codes"])
def test_changed_bytes_are_an_error(name: str) -> None:
    batch = forests()[0]
    raw = [bytearray(value) for value in batch.column(name).to_pylist()]
    raw[0][5] ^= 1
    with pytest.raises(packs.PackError, match=f"{name} of a pack came back changed"):
        list(packs.unpack([changed(batch, name, [bytes(value) for value in raw])]))


def test_an_absent_column_is_empty() -> None:
    batch = forests()[0].drop_columns(["partners", "partners_sum"])
    held = next(packs.unpack([batch]))
    assert held.partners.size == 0
    assert held.ids.size == held.codes.size > 0


def test_a_lost_forest_is_an_error() -> None:
    batches = forests()
    size = sum(sum(batch["size"].to_pylist()) for batch in batches)
    assert list(finish.label_forests(batches, size=size))
    with pytest.raises(ComponentsCheckError, match="forests got lost"):
        list(finish.label_forests(batches[1:], size=size))
    cut = [*packs.pack(np.arange(packs.ROWS * 2), codes=np.zeros(packs.ROWS * 2, np.int32), part=0)]
    with pytest.raises(ComponentsCheckError, match="a part of a forest is missing"):
        list(
            finish.label_forests(
                [
                    *slice_rows(cut, range(1)),
                    *packs.pack(
                        np.arange(3), codes=np.zeros(3, np.int32), part=0, at=packs.ROWS + 1
                    ),
                ],
                size=packs.ROWS + 3,
            )
        )


def test_a_lost_link_is_an_error() -> None:
    links = list(packs.pack(mix(np.arange(4), 0), mix(np.arange(1, 5), 0), part=0))
    task = partial(finish.label_links, key=0, slices=2)
    assert list(task(links, size=4))
    with pytest.raises(ComponentsCheckError, match="links got lost"):
        list(task(links, size=5))


def chosen() -> list[pa.RecordBatch]:
    sliced = list(rounds._cut(forests(), slices=1))
    return list(rounds._choose(sliced))


def answers(found: list[packs.Pack], labels: np.ndarray) -> list[pa.RecordBatch]:
    roots = np.concatenate([each.ids for each in found if each.kind == packs.ROOT])
    return list(packs.pack(roots, labels[: roots.size], part=0, kind=packs.ANSWER))


def test_two_labels_for_the_roots_of_one_id_are_an_error() -> None:
    trees = chosen()
    found = list(packs.unpack(trees))
    one = np.zeros(5000, np.int64)
    assert list(expand._apply([*trees, *answers(found, one)], key=0, above=0))
    with pytest.raises(ComponentsCheckError, match="an edge between two labels"):
        list(expand._apply([*trees, *answers(found, np.arange(5000))], key=0, above=0))


def test_a_missing_answer_is_an_error() -> None:
    trees = chosen()
    few = [*packs.pack(np.arange(3), np.arange(3), part=0, kind=packs.ANSWER)]
    for apply in (expand._apply, expand._apply_first):
        with pytest.raises(ComponentsCheckError, match="nobody asked for, or none"):
            list(apply([*trees, *few], key=0, above=0))
