"""Fixtures that every layer may use."""

import sys
from pathlib import Path

import pytest

_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:  # so that `tests.support` can be imported however pytest was started
    sys.path.insert(0, _ROOT)

from tests.support.shared_data import find_shared_data, why_missing  # noqa: E402  # needs the path above


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of sample data (`detection/bccd`, `videos`, …); skips the test where there is none."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip(why_missing())
    return folder
