"""docs/observability.md names every metric there is, with its labels, and no other."""

import re
from pathlib import Path

from framecast_runtime import metric_names
from framecast_runtime.metric_names import Family

PAGE = Path(__file__).resolve().parents[2] / "docs/observability.md"


def test_the_page_lists_every_metric_with_its_labels() -> None:
    rows = re.findall(r"^\| `(framecast_\w+)` \| ?([^|]*) \|", PAGE.read_text(), re.MULTILINE)
    families = [each for each in vars(metric_names).values() if isinstance(each, Family)]
    assert {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == {
        family.name: family.labels for family in families
    }
    assert len(rows) == len(families)


def test_names_say_their_unit() -> None:
    for family in (each for each in vars(metric_names).values() if isinstance(each, Family)):
        assert re.fullmatch(r"framecast_[a-z_]+", family.name)
        assert list(family.buckets) == sorted(set(family.buckets))
