"""Linear assignment against every choice there is, and against another algorithm where there are too many."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import framecast_core


def hungarian(costs: NDArray[np.float64]) -> float:
    """The lowest sum of a full matching of a square matrix: Kuhn's algorithm with potentials, row by row."""
    size = len(costs)
    rows, columns = np.zeros(size + 1), np.zeros(size + 1)
    row_of = np.zeros(size + 1, int)
    padded = np.pad(costs, ((1, 0), (1, 0)))
    for row in range(1, size + 1):
        row_of[0] = row
        column = 0
        least = np.full(size + 1, np.inf)
        before = np.zeros(size + 1, int)
        used = np.zeros(size + 1, bool)
        while row_of[column]:
            used[column] = True
            reduced = padded[row_of[column]] - rows[row_of[column]] - columns
            better = ~used & (reduced < least)
            better[0] = False
            least[better], before[better] = reduced[better], column
            following = int(np.argmin(np.where(used, np.inf, least)[1:])) + 1
            step = least[following]
            rows[row_of[used]] += step
            columns[used] -= step
            least[~used] -= step
            column = following
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    return float(sum(padded[row_of[column], column] for column in range(1, size + 1)))


def extended(costs: NDArray[np.float32], alone: float) -> NDArray[np.float64]:
    """A square matrix whose full matchings are all partial ones of `costs`, at `alone` for each row left alone."""
    rows, columns = costs.shape
    square = np.zeros((rows + columns, rows + columns))
    square[:rows, :columns] = np.where(np.isfinite(costs) & (costs <= alone), costs, 1e7)
    square[:rows, columns:] = alone
    return square


def check(costs: NDArray[np.float32], column_of_row: NDArray[np.int64], row_of_column: NDArray[np.int64]) -> float:
    """That it is a matching; returns its sum."""
    assert column_of_row.shape == (len(costs),)
    assert row_of_column.shape == (costs.shape[1],)
    rows = np.flatnonzero(column_of_row >= 0)
    np.testing.assert_array_equal(row_of_column[column_of_row[rows]], rows)
    assert (row_of_column >= 0).sum() == len(rows)
    return float(costs[rows, column_of_row[rows]].sum(dtype=np.float64))


@pytest.mark.parametrize("seed", range(20))
def test_small_matrices_against_every_permutation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = sorted(rng.integers(1, 7, 2).tolist())
    costs = rng.normal(size=(rows, columns)).astype(np.float32)
    best = min(costs[np.arange(rows), list(chosen)].sum() for chosen in permutations(range(columns), rows))
    for matrix in (costs, np.ascontiguousarray(costs.T)):
        assert check(matrix, *framecast_core.assign(matrix, max_cost=np.inf)) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("max_cost", [0.05, 0.3, 0.9, 2.0])
@pytest.mark.parametrize("seed", range(6))
def test_with_a_highest_cost_against_another_algorithm(seed: int, max_cost: float) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.random(rng.integers(1, 60, 2)).astype(np.float32)
    costs[rng.random(costs.shape) < 0.3] = np.nan if seed % 2 else np.inf
    column_of_row, row_of_column = framecast_core.assign(costs, max_cost=max_cost)
    alone = (column_of_row < 0).sum() * max_cost
    assert check(costs, column_of_row, row_of_column) + alone == pytest.approx(hungarian(extended(costs, max_cost)))


def test_a_row_stays_alone_rather_than_cost_more() -> None:
    costs = np.array([[0, 0.9], [0.9, np.inf]], np.float32)
    assert framecast_core.assign(costs, max_cost=1)[0].tolist() == [0, -1]
    assert framecast_core.assign(costs, max_cost=np.inf)[0].tolist() == [1, 0]
    assert framecast_core.assign(costs, max_cost=-np.inf)[0].tolist() == [-1, -1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (4, 0)])
def test_nothing_to_match(shape: tuple[int, int]) -> None:
    rows, columns = framecast_core.assign(np.zeros(shape, np.float32), max_cost=1)
    assert rows.tolist() == [-1] * shape[0]
    assert columns.tolist() == [-1] * shape[1]


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^max_cost: "):
        framecast_core.assign(np.zeros((2, 2), np.float32), max_cost=np.nan)
    wrong: Any
    for wrong in (np.zeros((2, 2)), np.zeros(4, np.float32), np.zeros((3, 2), np.float32).T):
        with pytest.raises(TypeError):
            framecast_core.assign(wrong, max_cost=1)
