"""The cost model of connected components, on made-up runs and on real forests."""

import numpy as np
import pytest
from scripts.components_cost import Model, Run, fit, forest_rows, links_left

from databank.identity.components.chunks import _forests
from tests.unit.identity.test_blocks import given

MODEL = Model((50.0, 60.0, 70.0), (10.0, 20.0, 30.0), 0.9, 0.4, 3e9)


def run(edges: int, chunks: int) -> Run:
    return MODEL.predict(edges, edges * 2 // 3, chunks, 1_000_000)


def test_constants_are_found_again() -> None:
    runs = [run(3_000_000, 4), run(12_000_000, 4), run(60_000_000, 16)]
    fitted = fit(runs)
    np.testing.assert_allclose(fitted.by_row, MODEL.by_row)
    np.testing.assert_allclose(fitted.by_id, MODEL.by_id)
    larger = run(120_000_000, 32)
    predicted = fitted.predict(larger.edges, larger.ids, larger.chunks, larger.budget)
    assert predicted.shuffled == pytest.approx(larger.shuffled)
    assert predicted.rounds == larger.rounds == 2
    np.testing.assert_allclose(predicted.left, larger.left)


def test_an_id_is_in_one_chunk_or_in_as_many_as_it_has_ends() -> None:
    assert forest_rows(12, 8, 1) == 8
    assert forest_rows(12, 8, 10**9) == pytest.approx(24)


def test_rows_of_real_forests_are_as_expected() -> None:
    edges = np.random.default_rng(9).integers(0, 20_000, (40_000, 2))
    chunks = 4
    batches = list(_forests(given(edges), most=10_000))
    rows = sum(sum(batch["size"].to_pylist()) for batch in batches)
    ids = np.unique(edges).size
    assert rows == pytest.approx(forest_rows(40_000, ids, chunks), rel=0.1)


def test_rounds_go_on_until_the_links_fit() -> None:
    assert links_left(900, 450, 1000) == (900,)
    assert links_left(1001, 250.25, 1000) == (1001, 250.25)
    assert links_left(4001, 2000.5, 1000) == (4001, 2000.5, 1000.25, 500.125)


def test_a_fit_needs_a_second_round() -> None:
    small = run(12_000_000, 8)
    with pytest.raises(ValueError, match="second round"):
        fit([small._replace(left=small.left[:1])] * 2)
