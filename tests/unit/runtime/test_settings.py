"""Settings out of environment variables."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from framecast_runtime.settings import SettingsError, read_settings


@dataclass(frozen=True, kw_only=True)
class Example:
    address: str
    port: int = 5
    ratio: float = 0.5
    verbose: bool = False
    folder: str | None = None
    limit: int | None = None
    tags: str = field(default_factory=lambda: "none")


def read(**environ: Any) -> Any:
    return read_settings(Example, {f"FRAMECAST_{key.upper()}": value for key, value in environ.items()})


def test_defaults_hold_where_nothing_is_set():
    assert read(address="a") == Example(address="a")


def test_every_type_is_converted():
    settings = read(address="a", port="7", ratio="0.25", verbose="Yes", folder="/x", limit="9", tags="t")
    assert settings == Example(address="a", port=7, ratio=0.25, verbose=True, folder="/x", limit=9, tags="t")
    assert read(address="a", verbose="off").verbose is False


def test_every_variable_at_fault_is_named():
    with pytest.raises(SettingsError) as caught:
        read(port="seven", ratio="x", verbose="maybe")
    for variable in ("FRAMECAST_ADDRESS is not set", "FRAMECAST_PORT", "FRAMECAST_RATIO", "FRAMECAST_VERBOSE"):
        assert variable in str(caught.value)


def test_other_variables_are_left_alone():
    assert read_settings(Example, {"FRAMECAST_ADDRESS": "a", "PORT": "9", "FRAMECAST_OTHER": "x"}).port == 5
