"""Image preparation against the rule in float64 by PyTorch, and against OpenCV's 8-bit resize."""

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32

ONES, ZEROS = f32(1, 1, 1), f32(0, 0, 0)


def image_of(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def prepare(image: NDArray[np.uint8], height: int, width: int, **changes: Any) -> NDArray[np.float32]:
    """One image that fills the output: float32 [3, height, width]."""
    out = np.full((1, 3, height, width), np.nan, np.float32)
    options: dict[str, Any] = {
        "gain": ONES,
        "bias": ZEROS,
        "pad": ZEROS,
        "reverse_channels": False,
        "round_to_uint8": False,
    }
    framecast_core.prepare([image], i32(0, 0, width, height)[None], out, **(options | changes))
    result: NDArray[np.float32] = out[0]
    return result


def by_pytorch(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float64]:
    planes = torch.from_numpy(image.transpose(2, 0, 1).copy()).double()[None]
    resized = torch.nn.functional.interpolate(planes, (height, width), mode="bilinear", align_corners=False)
    return np.asarray(resized[0].numpy())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), *[st.integers(1, 70)] * 4)
def test_equals_the_rule_in_float64(seed: int, height: int, width: int, out_height: int, out_width: int) -> None:
    image = image_of(np.random.default_rng(seed), height, width)
    result = prepare(image, out_height, out_width)
    np.testing.assert_allclose(result, by_pytorch(image, out_height, out_width), rtol=0, atol=1e-4)


def test_equals_pytorch_float32_on_a_video_frame() -> None:
    image = image_of(np.random.default_rng(0), 720, 1280)
    planes = torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None]
    scaled = torch.nn.functional.interpolate(
        planes, scale_factor=0.5, mode="bilinear", align_corners=False, recompute_scale_factor=True
    )
    gain = np.full(3, 1 / 255, np.float32)
    np.testing.assert_allclose(prepare(image, 360, 640, gain=gain), scaled[0].numpy() / 255, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(32, 40), (97, 201), (300, 250)])
def test_rounded_equals_opencv_within_a_level_and_the_rule_half_up(size: tuple[int, int]) -> None:
    height, width = size
    image = image_of(np.random.default_rng(1), 90, 130)
    result = prepare(image, height, width, round_to_uint8=True)
    opencv = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
    assert np.abs(result - opencv).max() <= 1
    exact = by_pytorch(image, height, width)
    clear = np.abs(exact - np.floor(exact) - 0.5) > 1e-3
    np.testing.assert_array_equal(result[clear], np.floor(exact + 0.5)[clear])


def test_halves_round_up() -> None:
    image = np.array([[[0, 1, 2], [1, 2, 3]]], np.uint8)
    np.testing.assert_array_equal(prepare(image, 1, 1, round_to_uint8=True)[:, 0, 0], [1, 2, 3])
    np.testing.assert_array_equal(prepare(image, 1, 1)[:, 0, 0], [0.5, 1.5, 2.5])


def test_pixels_are_exact_at_scale_one() -> None:
    image = image_of(np.random.default_rng(2), 37, 53)
    for rounded in [False, True]:
        np.testing.assert_array_equal(prepare(image, 37, 53, round_to_uint8=rounded), image.transpose(2, 0, 1))


def test_gain_bias_and_pad_belong_to_the_output_channel() -> None:
    image = np.tile(np.array([10, 20, 30], np.uint8), (4, 6, 1))
    out = np.full((1, 3, 8, 10), np.nan, np.float32)
    framecast_core.prepare(
        [image],
        i32(3, 2, 6, 4)[None],
        out,
        gain=f32(1, 2, 4),
        bias=f32(-1, 0, 0.5),
        pad=f32(7, 8, 9),
        reverse_channels=True,
        round_to_uint8=False,
    )
    expected = np.empty((3, 8, 10), np.float32)
    expected[:] = f32(7, 8, 9)[:, None, None]
    expected[:, 2:6, 3:9] = f32(29, 40, 40.5)[:, None, None]
    np.testing.assert_array_equal(out[0], expected)


def test_a_batch_of_differing_images_equals_each_alone() -> None:
    rng = np.random.default_rng(3)
    images = [image_of(rng, h, w) for h, w in [(30, 50), (64, 64), (1, 1), (5, 200)]]
    regions = np.array([[0, 8, 64, 38], [0, 0, 64, 64], [63, 63, 1, 1], [10, 20, 33, 7]], np.int32)
    options: dict[str, Any] = {
        "gain": f32(0.1, 0.2, 0.3),
        "bias": f32(-1, 0, 1),
        "pad": f32(0.5, 0.25, 0.125),
        "reverse_channels": False,
        "round_to_uint8": True,
    }
    out = np.full((4, 3, 64, 64), np.nan, np.float32)
    framecast_core.prepare(images, regions, out, **options)
    for b, image in enumerate(images):
        alone = np.empty((1, 3, 64, 64), np.float32)
        framecast_core.prepare([image], regions[b : b + 1], alone, **options)
        np.testing.assert_array_equal(out[b], alone[0])
        x, y, w, h = regions[b].tolist()
        inside = (
            np.floor(by_pytorch(image, h, w) + 0.5) * options["gain"][:, None, None] + options["bias"][:, None, None]
        )
        assert np.abs(out[b, :, y : y + h, x : x + w] - inside).max() < 0.31  # A level at most, where halves differ.


def test_rows_may_be_strided() -> None:
    big = image_of(np.random.default_rng(4), 60, 80)
    for view in [big[10:40, 5:70], big[::2], big[::-1], big[3:4, 3:4]]:
        np.testing.assert_array_equal(prepare(view, 25, 31), prepare(view.copy(), 25, 31))


def test_an_empty_batch_is_left_alone() -> None:
    framecast_core.prepare(
        [],
        np.zeros((0, 4), np.int32),
        np.zeros((0, 3, 4, 4), np.float32),
        gain=ONES,
        bias=ZEROS,
        pad=ZEROS,
        reverse_channels=False,
        round_to_uint8=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", [np.zeros((4, 4, 5), np.uint8)]),
        ("images", [np.zeros((0, 4, 3), np.uint8)]),
        ("images", [np.zeros((4, 4, 6), np.uint8)[:, :, ::2]]),
        ("images", [np.zeros((4, 8, 3), np.uint8)[:, ::2]]),
        ("regions", np.zeros((2, 4), np.int32)),
        ("regions", i32(0, 0, 9, 8)[None]),
        ("regions", i32(0, 1, 8, 8)[None]),
        ("regions", i32(-1, 0, 4, 4)[None]),
        ("regions", i32(2**31 - 1, 0, 2**31 - 1, 4)[None]),
        ("regions", i32(0, 0, 0, 4)[None]),
        ("out", np.zeros((2, 3, 8, 8), np.float32)),
        ("out", np.zeros((1, 4, 8, 8), np.float32)),
        ("gain", f32(1, 2)),
        ("bias", f32(1, 2, np.nan)),
        ("pad", f32(1, 2, 3, 4)),
    ],
)
def test_refuses_values_that_do_not_fit_by_name(name: str, value: Any) -> None:
    given: dict[str, Any] = {
        "images": [np.zeros((4, 4, 3), np.uint8)],
        "regions": i32(0, 0, 8, 8)[None],
        "out": np.zeros((1, 3, 8, 8), np.float32),
        "gain": ONES,
        "bias": ZEROS,
        "pad": ZEROS,
        "reverse_channels": False,
        "round_to_uint8": False,
    }
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.prepare(**(given | {name: value}))


def test_refuses_to_write_into_a_copy() -> None:
    image, region = np.zeros((4, 4, 3), np.uint8), i32(0, 0, 4, 4)[None]
    read_only = np.zeros((1, 3, 4, 4), np.float32)
    read_only.flags.writeable = False
    outputs: list[Any] = [np.zeros((1, 3, 4, 4)), np.zeros((1, 3, 4, 8), np.float32)[..., ::2], read_only]
    for out in outputs:
        with pytest.raises(TypeError):
            framecast_core.prepare(
                [image],
                region,
                out,
                gain=ONES,
                bias=ZEROS,
                pad=ZEROS,
                reverse_channels=False,
                round_to_uint8=False,
            )
