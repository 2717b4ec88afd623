"""Where pictures land, by each rule's published sizes, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.placement import Placement, place

Input = ModelBundle.Input
RULES = {
    "letterbox_center": Input(resize=Input.LETTERBOX_CENTER, width=640, height=640, stride=32),
    "letterbox_top_left": Input(resize=Input.LETTERBOX_TOP_LEFT, width=416, height=416, stride=32),
    "stretch": Input(resize=Input.STRETCH, width=300, height=200, stride=1),
    "shortest_side": Input(resize=Input.SHORTEST_SIDE, width=1333, height=800, stride=32),
    "nearest_side": Input(resize=Input.SHORTEST_SIDE, width=1333, height=800, stride=1, round_sides=True),
    "center_crop": Input(resize=Input.CENTER_CROP, width=224, height=224, stride=1, crop_fraction=0.875),
}


@pytest.mark.parametrize(
    ("rule", "size", "tensor", "region"),
    [
        # YOLOv5's letterbox: half the padding before and behind, the odd pixel behind.
        ("letterbox_center", (1280, 720), (640, 640), (0, 140, 640, 360)),
        ("letterbox_center", (640, 425), (640, 640), (0, 107, 640, 425)),
        ("letterbox_center", (427, 640), (640, 640), (106, 0, 427, 640)),
        ("letterbox_center", (100, 50), (640, 640), (0, 160, 640, 320)),
        # YOLOX truncates: 640x425 -> 276.25, 586x640 -> 380.9.
        ("letterbox_top_left", (640, 425), (416, 416), (0, 0, 416, 276)),
        ("letterbox_top_left", (586, 640), (416, 416), (0, 0, 380, 416)),
        ("stretch", (31, 999), (300, 200), (0, 0, 300, 200)),
        # torchvision's GeneralizedRCNNTransform: 480x640 -> 800x1066; 375x1242 is bound by the longer side.
        ("shortest_side", (640, 480), (1088, 800), (0, 0, 1066, 800)),
        ("shortest_side", (1242, 375), (1344, 416), (0, 0, 1333, 402)),
        # Detectron2's ResizeShortestEdge rounds: 640x480 -> 1066.67 x 800; 375 -> 402.46; 333 -> 532.8.
        ("nearest_side", (640, 480), (1067, 800), (0, 0, 1067, 800)),
        ("nearest_side", (1242, 375), (1333, 402), (0, 0, 1333, 402)),
        ("nearest_side", (333, 500), (800, 1201), (0, 0, 800, 1201)),
        ("nearest_side", (200, 500), (533, 1333), (0, 0, 533, 1333)),
        # torchvision's Resize(256), CenterCrop(224): 500x375 -> 341x256.
        ("center_crop", (500, 375), (224, 224), (-58, -16, 341, 256)),
        ("center_crop", (375, 500), (224, 224), (-16, -58, 256, 341)),
    ],
)
def test_known_sizes(
    rule: str, size: tuple[int, int], tensor: tuple[int, int], region: tuple[int, int, int, int]
) -> None:
    placement = place(RULES[rule], width=size[0], height=size[1])
    assert (placement.tensor_width, placement.tensor_height) == tensor
    assert placement.region == region


@pytest.mark.parametrize("rule", ["letterbox_center", "letterbox_top_left"])
@pytest.mark.parametrize("size", [(640, 427), (1000, 33), (33, 1000)])
def test_boxes_follow_the_pixels_unless_the_rule_has_one_scale(rule: str, size: tuple[int, int]) -> None:
    whole = np.array([[0, 0, *size]], dtype=np.float32)
    by_axis = place(RULES[rule], width=size[0], height=size[1])
    x, y, width, height = by_axis.region
    np.testing.assert_allclose(by_axis.to_tensor(whole), [[x, y, x + width, y + height]], atol=1e-4)

    uniform = Input()
    uniform.CopyFrom(RULES[rule])
    uniform.uniform_scale = True
    as_published = place(uniform, width=size[0], height=size[1])
    assert as_published.region == by_axis.region
    assert as_published.scale_x == as_published.scale_y == RULES[rule].width / max(size)


@pytest.mark.parametrize("rule", RULES)
@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_boxes_return_to_where_they_were(rule: str, width: int, height: int) -> None:
    placement = place(RULES[rule], width=width, height=height)
    boxes = np.array([[0, 0, width, height], [width * 0.2, height * 0.1, width * 0.7, height * 0.9]], dtype=np.float32)
    returned = placement.to_source(placement.to_tensor(boxes))
    np.testing.assert_allclose(returned, boxes, rtol=1e-4, atol=2e-3 * max(1, width / 640, height / 640))


@pytest.mark.parametrize("rule", RULES)
@given(width=st.integers(1, 70000), height=st.integers(1, 70000))
def test_regions_fit_whatever_the_aspect(rule: str, width: int, height: int) -> None:
    placement = place(RULES[rule], width=width, height=height)
    assert placement.width >= 1
    assert placement.height >= 1
    assert placement.tensor_width % RULES[rule].stride == 0
    if rule == "center_crop":
        assert placement.x <= 0 <= placement.width + placement.x - 224
        assert placement.y <= 0 <= placement.height + placement.y - 224
    else:
        assert not placement.cropped


def test_boxes_are_clipped_to_the_picture_unless_told_otherwise() -> None:
    placement = Placement(100, 50, 64, 64, 0, 16, 64, 32, 0.64, 0.64)
    boxes = np.array([[-6.4, 0, 128, 64]], dtype=np.float32)
    np.testing.assert_allclose(placement.to_source(boxes), [[0, 0, 100, 50]])
    np.testing.assert_allclose(placement.to_source(boxes, clip=False), [[-10, -25, 200, 75]], rtol=1e-6)


def test_no_boxes_stay_no_boxes() -> None:
    placement = place(RULES["stretch"], width=10, height=10)
    assert placement.to_source(np.empty((0, 4), np.float32)).shape == (0, 4)
