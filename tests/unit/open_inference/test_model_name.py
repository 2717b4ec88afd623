"""What clients may call a model."""

import pytest

from framecast.errors import InvalidArgumentError
from framecast_inference.open_inference.model_name import parse_reference

CARS = "projects/default/models/cars"


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("cars", "", (CARS, "", False)),
        ("cars", "3", (CARS, "3", False)),
        ("default/cars", "", (CARS, "", False)),
        ("street/cars", "2", ("projects/street/models/cars", "2", False)),
        (CARS, "", (CARS, "", False)),
        (f"{CARS}/versions/7", "", (CARS, "7", False)),
        (f"{CARS}/versions/7", "7", (CARS, "7", False)),
        ("cars:network", "", (CARS, "", True)),
        (f"{CARS}/versions/7:network", "", (CARS, "7", True)),
    ],
)
def test_every_form_of_a_name_is_read(name: str, version: str, expected: tuple[str, str, bool]) -> None:
    reference = parse_reference(name, version)
    assert (reference.model, reference.version, reference.network) == expected


@pytest.mark.parametrize(
    "name", ["", "/", "a/b/c", "projects/p/datasets/d", ":network", "cars:raw", "cars ", "é", "cars\n", "../cars"]
)
def test_other_names_are_refused_with_the_forms_there_are(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="`P/M`") as caught:
        parse_reference(name, "", field="name")
    assert caught.value.field == "name"
    assert caught.value.metadata["value"] == name


@pytest.mark.parametrize("version", ["1/2", " ", "-1", "1\n"])
def test_a_version_that_is_no_id_is_refused(version: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_reference("cars", version)
    assert caught.value.field == "model_version"


def test_two_versions_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'2'"):
        parse_reference(f"{CARS}/versions/1", "2")
