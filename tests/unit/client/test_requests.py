"""What callers pass, on its way into messages."""

import pytest

from framecast import InferenceSettings, InvalidArgumentError
from framecast._client import _names
from framecast._convert_predictions import settings_to_proto
from framecast._inference import frame_range


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence", "0.5"),
        ("max_detections", 2**31),
        ("max_detections", 1.5),
        ("classes", (3,)),
        ("classes", "\ud800"),
    ],
)
def test_a_setting_that_cannot_travel_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        settings_to_proto(InferenceSettings(**{field: value}))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_settings_travel_and_open_ones_stay_open() -> None:
    message = settings_to_proto(InferenceSettings(confidence=0.0, classes=("a", "b")))
    assert message.HasField("confidence_threshold")
    assert not message.HasField("iou_threshold")
    assert list(message.categories) == ["a", "b"]


def test_one_class_needs_no_list() -> None:
    assert _names("cup") == ("cup",)
    assert _names(["cup", "cat"]) == ("cup", "cat")


def test_a_frame_range_may_reach_far_beyond_the_end() -> None:
    message = frame_range(2**70, None, 2**70, 2**70)
    assert (message.start_index, message.count, message.stride) == (2**63 - 1, 2**63 - 1, 2**31 - 1)


@pytest.mark.parametrize("value", ["1", 1.5])
def test_a_frame_is_a_whole_number(value: object) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        frame_range(value, None, None, None)  # type: ignore[arg-type]
    assert caught.value.field == "start"
