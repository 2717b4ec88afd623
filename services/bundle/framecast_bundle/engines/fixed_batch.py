"""Running any number of rows through a graph whose batch length is fixed."""

from collections.abc import Callable, Mapping

import numpy as np

Run = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def run_in_chunks(run: Run, inputs: Mapping[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """Calls `run` on `batch` rows at a time and joins the outputs; the last rows are filled up with zeros.

    Every input and output has the batch on its first axis, and at least one row. Filled rows are cut off again.
    """
    rows = len(next(iter(inputs.values())))
    chunks = []
    for start in range(0, rows, batch):
        chunk = {name: _filled(value[start : start + batch], batch) for name, value in inputs.items()}
        chunks.append(run(chunk))
    if len(chunks) == 1 and rows == batch:
        return chunks[0]
    return {name: np.concatenate([chunk[name] for chunk in chunks])[:rows] for name in chunks[0]}


def _filled(rows: np.ndarray, batch: int) -> np.ndarray:
    if len(rows) == batch:
        return rows
    filled = np.zeros((batch, *rows.shape[1:]), dtype=rows.dtype)
    filled[: len(rows)] = rows
    return filled
