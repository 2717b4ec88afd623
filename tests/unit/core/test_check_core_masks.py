"""A share of what scripts/check_core_masks.py checks on a million masks."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "check_core_masks.py"


def test_masks_of_every_kind_are_valid_near_and_exact() -> None:
    spec = importlib.util.spec_from_file_location("check_core_masks", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.check(4000, seed=7) == 4000
