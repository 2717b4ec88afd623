"""The sample data that is too big for the repository: real pictures, videos and annotations."""

import os
from pathlib import Path

_VARIABLE = "FRAMECAST_TEST_DATA"
_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[3] / "shared" / "data"


def find_shared_data() -> Path | None:
    """The folder with the sample data, or None: `FRAMECAST_TEST_DATA`, else `../shared/data` beside the repository."""
    folder = Path(os.environ.get(_VARIABLE) or _BESIDE_THE_REPOSITORY)
    return folder if folder.is_dir() else None


def why_missing() -> str:
    """The reason with which a test that needs the sample data is skipped."""
    return f"no sample data: set {_VARIABLE} to its folder, or put it at {_BESIDE_THE_REPOSITORY}"
