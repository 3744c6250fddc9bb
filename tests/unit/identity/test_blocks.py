"""Blocks, and what each step does when one is lost, changed or wrong."""

from collections.abc import Callable, Iterator
from functools import partial

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest

from databank.identity.components import blocks, chunks, expand, finish, rounds
from databank.identity.components.check import ComponentsCheckError, require
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


@pytest.mark.parametrize("size", [0, 1, blocks.ROWS, blocks.ROWS * 3 + 5])
def test_what_was_written_is_read(size: int) -> None:
    ids = np.sort(RNG.integers(-HIGHEST, HIGHEST, size))
    partners, codes = RNG.integers(0, 9, size), np.arange(size, dtype=np.int32)
    starts = slice_starts(5)
    batches = blocks.write_blocks(
        ids, partners, codes, starts=starts, kind=2, origin=7, at=100, tally=3
    )
    held = list(blocks.read_blocks(batches))
    assert all(each.kind == 2 and each.origin == 7 for each in held)
    assert all(each.ids.size <= blocks.ROWS for each in held)
    at = 100
    for each in held:
        assert each.at == at
        assert set(np.searchsorted(starts, each.ids, side="right")) == {each.part}
        at += each.ids.size
    if size:
        for name, values in (("ids", ids), ("partners", partners), ("codes", codes)):
            got = np.concatenate([getattr(each, name) for each in held])
            np.testing.assert_array_equal(got, values)


def test_many_blocks_come_in_batches_that_a_jvm_can_hold() -> None:
    ids = np.arange(blocks.ROWS * 130)
    batches = list(blocks.write_blocks(ids, ids, part=4, tally=9))
    assert [batch.num_rows for batch in batches] == [64, 64, 2]
    assert sum(pa.Table.from_batches(batches)["tally"].to_pylist()) == 9


@pytest.mark.parametrize("name", ["ids", "partners", "codes"])
def test_changed_bytes_are_an_error(name: str) -> None:
    batch = forests()[0]
    raw = [bytearray(value) for value in batch.column(name).to_pylist()]
    raw[0][5] ^= 1
    with pytest.raises(ComponentsCheckError, match=f"{name} of a block came back changed"):
        list(blocks.read_blocks([changed(batch, name, [bytes(value) for value in raw])]))


@pytest.mark.parametrize("name", ["part", "kind", "origin", "at", "size", "tally"])
def test_changed_numbers_are_an_error(name: str) -> None:
    batch = forests()[0]
    values = [value + 1 for value in batch.column(name).to_pylist()]
    with pytest.raises(ComponentsCheckError, match="a block came back changed"):
        list(blocks.read_blocks([changed(batch, name, values)]))


def test_an_absent_column_is_empty() -> None:
    batch = forests()[0].drop_columns(["partners", "partners_sum"])
    held = next(blocks.read_blocks([batch]))
    assert held.partners.size == 0
    assert held.ids.size == held.codes.size > 0


def test_a_lost_forest_is_an_error() -> None:
    batches = forests()
    size = sum(sum(batch["size"].to_pylist()) for batch in batches)
    assert list(finish.label_forests(batches, size=size))
    with pytest.raises(ComponentsCheckError, match="forests got lost"):
        list(finish.label_forests(batches[1:], size=size))
    cut = [
        *blocks.write_blocks(
            np.arange(blocks.ROWS * 2), codes=np.zeros(blocks.ROWS * 2, np.int32), part=0
        )
    ]
    with pytest.raises(ComponentsCheckError, match="a part of a forest is missing"):
        list(
            finish.label_forests(
                [
                    *slice_rows(cut, range(1)),
                    *blocks.write_blocks(
                        np.arange(3), codes=np.zeros(3, np.int32), part=0, at=blocks.ROWS + 1
                    ),
                ],
                size=blocks.ROWS + 3,
            )
        )


def test_a_lost_link_is_an_error() -> None:
    links = list(blocks.write_blocks(mix(np.arange(4), 0), mix(np.arange(1, 5), 0), part=0))
    task = partial(finish.label_links, key=0, slices=2)
    assert list(task(links, size=4))
    with pytest.raises(ComponentsCheckError, match="links got lost"):
        list(task(links, size=5))


# ---- rounds and the way back, without Spark: tasks in one process, blocks routed by hand

SLICES = 5
Batches = list[pa.RecordBatch]
Fault = Callable[[str, list[pa.RecordBatch]], list[pa.RecordBatch]]


def single(batches: Batches) -> Batches:
    """The same blocks, one a batch."""
    return [batch.slice(row, 1) for batch in batches for row in range(batch.num_rows)]


def of_kind(batches: Batches, *kinds: int) -> Batches:
    return [batch for batch in single(batches) if batch["kind"][0].as_py() in kinds]


def exchanged(batches: Batches, task: Callable[..., Iterator[pa.RecordBatch]]) -> Batches:
    """A shuffle by part, and the task on each partition."""
    by_part: dict[int, Batches] = {}
    for batch in single(batches):
        by_part.setdefault(batch["part"][0].as_py(), []).append(batch)
    return [made for held in by_part.values() for made in task(iter(held[::-1]))]


def summed(batches: Batches, column: str, kind: int) -> int:
    return sum(batch[column][0].as_py() for batch in of_kind(batches, kind))


def solved(fault: Fault) -> dict[int, int]:
    """Components of EDGES by rounds; `fault` may change what is stored or shuffled."""
    stored = fault("forests", forests())
    size = sum(sum(batch["size"].to_pylist()) for batch in forests())
    levels: list[Batches] = []
    left = 10**9
    rows = stored
    while not levels or left > 50:
        order = 1 + len(levels) // 2
        cut = (
            rounds._relink(rows, order=order, slices=SLICES, most=300)
            if levels
            else rounds._cut(rows, slices=SLICES)
        )
        sent = fault(f"sent-{len(levels)}", list(cut))
        made = exchanged(sent, partial(rounds._choose, order=order))
        if not levels:
            require(summed(made, "tally", blocks.TREE) == size, "rows of forests got lost")
            ids = summed(made, "tally", blocks.ROOT)
        left = summed(made, "size", blocks.LINK)
        made = fault(f"round-{len(levels)}", made)
        levels.append(of_kind(made, blocks.TREE, blocks.ROOT))
        rows = of_kind(made, blocks.LINK)
    labels = list(finish.label_links(rows, size=left, key=order, slices=SLICES))
    components = summed(labels, "tally", blocks.LABEL)
    for number, level in reversed(list(enumerate(levels))):
        asks = list(expand._ask(of_kind(level, blocks.ROOT), slices=SLICES))
        questions = fault(f"asked-{number}", [*asks, *labels])
        answered = fault(f"answered-{number}", exchanged(questions, expand._answer))
        apply = expand._apply if number else expand._apply_first
        labels = exchanged([*answered, *of_kind(level, blocks.TREE)], apply)
        components += summed(labels, "tally", blocks.LABEL if number else blocks.ROOT)
    require(summed(labels, "tally", blocks.TREE) == ids, "ids got lost")
    labels = fault("labels-1", labels)
    questions = list(expand._ask(of_kind(labels, blocks.ROOT), slices=SLICES))
    answered = exchanged(fault("asked", questions), expand._answer_smallest)
    both = [*fault("answered", answered), *of_kind(labels, blocks.TREE)]
    named = exchanged(both, expand._apply_smallest)
    require(sum(sum(batch["size"].to_pylist()) for batch in named) == ids, "ids got lost")
    require(sum(sum(b["tally"].to_pylist()) for b in named) == components, "components")
    labelled = [blocks.concat([each]) for each in blocks.read_blocks(named)]
    return {
        int(i): int(c) for ids_, labels_ in labelled for i, c in zip(ids_, labels_, strict=True)
    }


def expected() -> dict[int, int]:
    graph = nx.Graph(EDGES.tolist())
    return {i: min(part) for part in nx.connected_components(graph) for i in part}


def nothing(_: str, batches: Batches) -> Batches:
    return batches


def test_rounds_without_spark_find_the_components() -> None:
    assert solved(nothing) == expected()


PLACES = [
    *("forests", "sent-0", "round-0", "asked-0", "answered-0", "labels-1", "asked", "answered"),
    *("sent-1", "round-1", "asked-1", "answered-1"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("doubled", [False, True])
def test_a_lost_or_doubled_block_is_an_error_or_does_no_harm(place: str, doubled: bool) -> None:
    right, noticed = expected(), 0
    for number in range(12):

        def fault(at: str, batches: Batches, number: int = number) -> Batches:
            if at != place:
                return batches
            held = single(batches)
            hit = number * 7 % len(held)
            return held[:hit] + held[hit:][:1] * (2 if doubled else 0) + held[hit + 1 :]

        try:
            assert solved(fault) == right
        except ComponentsCheckError:
            noticed += 1
    assert noticed or place.endswith("-1") or doubled


def test_slices_are_even_although_roots_are_the_first_of_their_trees() -> None:
    # trees of 40 ids: the smallest mixed ids of them would crowd in the first slices
    edges = np.column_stack([np.arange(40_000) // 40 * 40, np.arange(40_000)])
    made = list(chunks._forests(given(edges), most=50_000))
    roots = blocks.concat(list(blocks.read_blocks(made)))[1]
    held = np.bincount(np.searchsorted(slice_starts(8), np.unique(roots), side="right"))
    assert held.max() < 1.5 * held.mean()
