"""docs/core.md: a section for everything that is exported, and examples that run."""

import re
from pathlib import Path

import pytest

import framecast_core

PAGE = (Path(__file__).parents[3] / "docs" / "core.md").read_text()
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def sections() -> dict[str, str]:
    """Heading → text up to the next heading; headings of functions are their names in backticks."""
    found: dict[str, str] = {}
    heading, inside_code = "", False
    for line in PAGE.splitlines(keepends=True):
        inside_code ^= line.startswith("```")
        if line.startswith("#") and not inside_code:
            heading = line.lstrip("#").strip()
            assert heading not in found, f"two sections {heading}"
            found[heading] = ""
        else:
            found[heading] += line
    return found


def documented() -> dict[str, str]:
    return {heading.strip("`"): text for heading, text in sections().items() if heading.startswith("`")}


def preamble() -> str:
    """The imports that the page shows once."""
    block = EXAMPLE.search(PAGE)
    assert block is not None
    return block.group(1)


def test_everything_exported_has_a_section_and_nothing_else() -> None:
    assert documented().keys() == set(framecast_core.__all__) - {"__version__"}


@pytest.mark.parametrize("name", sorted(set(framecast_core.__all__) - {"__version__"}))
def test_the_example_runs(name: str) -> None:
    examples = EXAMPLE.findall(documented()[name])
    assert examples
    for example in examples:
        assert name in example or name == "Polygons"
        assert "assert" in example
        exec(compile(preamble() + example, f"docs/core.md, {name}", "exec"), {})


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = {heading.strip("`").lower().replace(" ", "-") for heading in sections()}
    links = re.findall(r"\]\(#([^)]*)\)", PAGE)
    assert links
    assert set(links) <= anchors


def test_links_to_files_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (Path(__file__).parents[3] / "docs" / link).exists(), link
