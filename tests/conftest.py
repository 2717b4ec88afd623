"""Fixtures that every layer may use."""

import os
import sys
from pathlib import Path

import pytest

# Before any test module imports torch: threads that spin while they wait slow each other down on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:  # so that `tests.support` can be imported however pytest was started
    sys.path.insert(0, _ROOT)

from tests.support.gpu import LIBRARIES, why_no_gpu  # noqa: E402  # needs the path above
from tests.support.shared_data import find_shared_data, why_missing  # noqa: E402  # needs the path above


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips `@pytest.mark.gpu("torch")` where that library has no GPU, before any fixture is made for the test."""
    for mark in item.iter_markers("gpu"):
        for library in mark.args or LIBRARIES:
            reason = why_no_gpu(library)
            if reason is not None:
                pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of sample data (`detection/bccd`, `videos`, …); skips the test where there is none."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip(why_missing())
    return folder
