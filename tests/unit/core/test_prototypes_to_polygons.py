"""Prototype masks against what PyTorch makes of them: matmul, sigmoid, crop, interpolate."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32
from tests.unit.core.polygon_shapes import fill, multipolygon

PROTOTYPES, INPUT = 8, 256  # At a stride of 4: 64 x 64.
HEIGHT, WIDTH = 150, 200
REGION = (0, 32, 256, 192)  # The image at 256 x 192, 32 pixels from the top.


def inputs(seed: int, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    noise = torch.from_numpy(rng.normal(0, 3, (1, PROTOTYPES, 9, 9)).astype(np.float32))
    prototypes = torch.nn.functional.interpolate(noise, (64, 64), mode="bicubic", align_corners=False).numpy()
    corners = rng.uniform(-20, 150, (count, 2))
    return {
        "prototypes": np.ascontiguousarray(prototypes),
        "coefficients": rng.normal(0, 1, (count, PROTOTYPES)).astype(np.float32),
        "boxes": np.concatenate([corners, corners + rng.uniform(2, 120, (count, 2))], axis=1).astype(np.float32),
        "splits": np.array([0, count]),
        "image_sizes": np.array([[HEIGHT, WIDTH]], np.int32),
        "regions": np.array([REGION], np.int32),
        "input_size": (INPUT, INPUT),
        "sigmoid": True,
        "crop_prototypes": False,
        "threshold": 0.5,
        "rdp_thresholds": np.zeros(count, np.float32),
    }


def inside(boxes: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """[K, height, width]: x1 <= column < x2 and y1 <= row < y2."""
    x1, y1, x2, y2 = boxes.float()[:, :, None, None].unbind(1)
    columns, rows = torch.arange(width)[None, None, :], torch.arange(height)[None, :, None]
    return (columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2)


def by_pytorch(given: dict[str, Any]) -> torch.Tensor:
    """[K, HEIGHT, WIDTH] values before the threshold; 0 where cropped off."""
    prototypes, boxes = torch.from_numpy(given["prototypes"])[0], torch.from_numpy(given["boxes"])
    values = (torch.from_numpy(given["coefficients"]) @ prototypes.flatten(1)).view(-1, 64, 64)
    if given["sigmoid"]:
        values = values.sigmoid()
    x, y, width, height = (side // 4 for side in REGION)
    values = values[:, y : y + height, x : x + width]
    if given["crop_prototypes"]:
        values = values * inside(boxes * torch.tensor([width / WIDTH, height / HEIGHT] * 2), height, width)
    values = torch.nn.functional.interpolate(values[None], (HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0]
    return values if given["crop_prototypes"] else values * inside(boxes, HEIGHT, WIDTH)


@pytest.mark.parametrize("crop_prototypes", [False, True])
@pytest.mark.parametrize(("sigmoid", "threshold"), [(True, 0.5), (False, 0.0), (False, 0.7)])
def test_masks_equal_pytorch(sigmoid: bool, threshold: float, crop_prototypes: bool) -> None:
    given = inputs(3, 40) | {"sigmoid": sigmoid, "threshold": threshold, "crop_prototypes": crop_prototypes}
    polygons = framecast_core.prototypes_to_polygons(**given)
    values = by_pytorch(given)
    assert (polygons.areas > 0).sum() > 15
    for k in range(40):
        mask: NDArray[np.bool_] = fill(polygons, k, HEIGHT, WIDTH).astype(bool)
        clear = ((values[k] - threshold).abs() > 1e-4).numpy() | (values[k] == 0).numpy()
        np.testing.assert_array_equal(mask[clear], (values[k] > threshold).numpy()[clear])
        assert clear.mean() > 0.99
        assert multipolygon(polygons, k).is_valid


def test_simplified_polygons_are_valid_and_a_pool_changes_nothing() -> None:
    given = inputs(4, 60) | {"rdp_thresholds": np.full(60, 0.01, np.float32)}
    alone = framecast_core.prototypes_to_polygons(**given)
    shared = framecast_core.prototypes_to_polygons(**given, pool=framecast_core.ThreadPool(2))
    np.testing.assert_array_equal(alone.points, shared.points)
    assert all(multipolygon(alone, k).is_valid for k in range(60))


def test_images_have_their_own_prototypes_sizes_and_regions() -> None:
    first, second = inputs(5, 7), inputs(6, 9)
    second["image_sizes"] = np.array([[90, 77]], np.int32)
    second["regions"] = np.array([[11, 5, 101, 203]], np.int32)  # Not of whole prototype pixels.
    names = ("prototypes", "coefficients", "boxes", "image_sizes", "regions", "rdp_thresholds")
    both = first | {name: np.concatenate([first[name], second[name]]) for name in names}
    together = framecast_core.prototypes_to_polygons(**both | {"splits": np.array([0, 7, 16])})
    points = [framecast_core.prototypes_to_polygons(**one).points for one in (first, second)]
    np.testing.assert_array_equal(together.points, np.concatenate(points))


def test_nothing_gives_nothing() -> None:
    assert len(framecast_core.prototypes_to_polygons(**inputs(1, 0))) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prototypes", np.zeros((2, 8, 64, 64), np.float32)),
        ("coefficients", np.zeros((3, 7), np.float32)),
        ("boxes", np.zeros((3, 5), np.float32)),
        ("splits", np.array([0, 2])),
        ("image_sizes", np.zeros((1, 2), np.int32)),
        ("regions", np.array([[0, 0, 257, 10]], np.int32)),
        ("regions", np.array([[0, 0, 0, 10]], np.int32)),
        ("input_size", (0, 256)),
        ("threshold", float("nan")),
        ("rdp_thresholds", f32(0, 0)),
        ("rdp_thresholds", f32(0, 0, -1)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.prototypes_to_polygons(**inputs(1, 3) | {name: value})
