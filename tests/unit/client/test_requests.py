"""What callers pass, on its way into messages."""

import pytest

from framecast import InferenceSettings, InvalidArgumentError
from framecast._convert_settings import (
    make_settings,
    options_from_texts,
    schema_from_proto,
    settings_from_proto,
    settings_to_proto,
)
from framecast._inference import frame_range
from framecast.v1 import inference_settings_pb2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence", "0.5"),
        ("max_detections", 2**31),
        ("max_detections", 1.5),
        ("classes", (3,)),
        ("classes", "\ud800"),
        ("mask_format", "outlines"),
        ("augment", "yes"),
        ("category_confidence", {"car": "high"}),
        ("category_confidence", 0.5),
        ("window_width", 640.5),
        ("logits", 3.5),
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
    assert make_settings({"classes": "cup"}).classes == ("cup",)
    assert make_settings({"classes": ["cup", "cat"]}).classes == ("cup", "cat")
    assert make_settings({"classes": None}).classes == ()
    with pytest.raises(InvalidArgumentError, match="classes cannot be 5"):
        make_settings({"classes": 5})


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidArgumentError, match="'confidense'; did you mean 'confidence'") as caught:
        make_settings({"confidense": 0.5})
    assert caught.value.reason == "SETTING_UNKNOWN"


EVERY = InferenceSettings(
    confidence=0.6,
    iou=0.3,
    rdp=0.0,
    max_detections=5,
    classes=("car", "bus"),
    class_agnostic=False,
    category_confidence={"bus": 0.1, "car": 0.7},
    mask_format="run_lengths",
    augment=True,
    window_width=640,
    window_height=0,
    window_overlap=0.3,
    logits=False,
    debug_picture=True,
)


def test_every_setting_travels_there_and_back() -> None:
    assert settings_from_proto(settings_to_proto(EVERY)) == EVERY
    assert settings_from_proto(settings_to_proto(InferenceSettings())) == InferenceSettings()


_Schema = inference_settings_pb2.SettingSchema
SCHEMAS = [
    schema_from_proto(schema)
    for schema in (
        _Schema(name="confidence_threshold", type=_Schema.NUMBER, minimum=0, maximum=1, default_json="0.6"),
        _Schema(name="max_detections", type=_Schema.INTEGER, minimum=1, maximum=10_000, default_json="300"),
        _Schema(name="augment", type=_Schema.BOOLEAN, default_json="false"),
        _Schema(name="mask_format", type=_Schema.CHOICE, choices=["POLYGONS", "NONE"], default_json='"POLYGONS"'),
        _Schema(name="categories", type=_Schema.CHOICES, choices=["Car", "bus"], default_json="[]"),
        _Schema(name="category_confidence_thresholds", type=_Schema.NUMBER_BY_CHOICE, default_json="{}"),
    )
]


def test_a_schema_speaks_as_users_do() -> None:
    assert [schema.name for schema in SCHEMAS] == [
        "confidence", "max_detections", "augment", "mask_format", "classes", "category_confidence"
    ]  # fmt: skip
    assert (SCHEMAS[0].minimum, SCHEMAS[0].maximum, SCHEMAS[0].default) == (0, 1, 0.6)
    assert SCHEMAS[2].minimum is None
    assert (SCHEMAS[3].choices, SCHEMAS[3].default) == (("polygons", "none"), "polygons")
    assert SCHEMAS[4].choices == ("Car", "bus")
    assert SCHEMAS[5].type == "number by choice"


def test_settings_can_be_given_as_texts() -> None:
    texts = ["confidence_threshold=0.5", "max_detections = 7", "augment=yes", "mask_format=none", "classes=Car, bus"]
    assert options_from_texts([*texts, "category_confidence=Car:0.7,a:b:1"], SCHEMAS) == {
        "confidence": 0.5,
        "max_detections": 7,
        "augment": True,
        "mask_format": "none",
        "classes": ("Car", "bus"),
        "category_confidence": {"Car": 0.7, "a:b": 1.0},
    }


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("augment", "set", "no key=value"),
        ("augmnt=true", "augmnt", "did you mean 'augment'"),
        ("logits=true", "logits", "there is no setting"),
        ("augment=perhaps", "augment", "must be: boolean"),
        ("confidence=much", "confidence", "must be: number"),
        ("max_detections=1.5", "max_detections", "must be: integer"),
        ("category_confidence=Car", "category_confidence", "number by choice"),
    ],
)
def test_a_text_that_is_no_setting_of_the_model_is_refused(text: str, field: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        options_from_texts([text], SCHEMAS)
    assert caught.value.field == field


def test_a_frame_range_may_reach_far_beyond_the_end() -> None:
    message = frame_range(2**70, None, 2**70, 2**70)
    assert (message.start_index, message.count, message.stride) == (2**63 - 1, 2**63 - 1, 2**31 - 1)


@pytest.mark.parametrize("value", ["1", 1.5])
def test_a_frame_is_a_whole_number(value: object) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        frame_range(value, None, None, None)  # type: ignore[arg-type]
    assert caught.value.field == "start"
