"""Encoded pictures: every odd file is decoded right or refused with the right reason."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from framecast.errors import InvalidArgumentError
from framecast_bundle.image_decoder import decode_image

REASONS = {
    "reject_too_large": "IMAGE_TOO_LARGE",
    "truncated": "IMAGE_TRUNCATED",
    "not_image": "MEDIA_TYPE_UNSUPPORTED",
}


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_every_odd_file_gives_its_mean_colour_or_its_reason(shared_data: Path) -> None:
    listed = json.loads((shared_data / "images_odd.json").read_text())["images"]
    assert len(listed) == 24
    for entry in listed:
        data = (shared_data / entry["file"]).read_bytes()
        if entry["expect"] in REASONS:
            with pytest.raises(InvalidArgumentError, match=entry["file"]) as caught:
                decode_image(data, label=entry["file"])
            assert caught.value.reason == REASONS[entry["expect"]], entry["file"]
            continue
        image = decode_image(data, label=entry["file"])
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        assert image.flags.c_contiguous
        assert [image.shape[1], image.shape[0]] == entry["display_size"], entry["file"]
        if entry.get("mean_rgb"):
            np.testing.assert_allclose(image.mean((0, 1)), entry["mean_rgb"], atol=0.01, err_msg=entry["file"])


def test_an_animated_gif_gives_its_first_frame() -> None:
    red, blue = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    data = encoded(red, "GIF", save_all=True, append_images=[blue])
    assert decode_image(data, label="two.gif")[4, 4].tolist() == [255, 0, 0]


def test_alpha_is_dropped_and_colours_stay() -> None:
    assert decode_image(encoded(Image.new("RGBA", (2, 2), (200, 30, 60, 0))), label="a")[0, 0].tolist() == [200, 30, 60]
    assert decode_image(encoded(Image.new("LA", (2, 2), (77, 0))), label="a")[0, 0].tolist() == [77, 77, 77]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_agrees_with_pillow(orientation: int) -> None:
    from PIL import ImageOps

    pixels = np.random.default_rng(orientation).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(pixels), exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(decode_image(data, label="turned.png"), expected)


def test_sixteen_bit_gray_is_scaled() -> None:
    gray = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    image = decode_image(encoded(Image.fromarray(gray)), label="gray16.png")
    np.testing.assert_array_equal(image[:, :, 1].ravel(), np.arange(256))


def test_floating_point_gray_has_eight_or_sixteen_bits() -> None:
    levels = np.array([[0, 100, 255, np.nan]], np.float32)
    for scale in (1, 257):
        image = decode_image(encoded(Image.fromarray(levels * scale), "TIFF"), label="float.tif")
        assert image[0, :, 0].tolist() == [0, 100, 255, 0]


def test_a_webp_is_refused_by_its_header_before_its_canvas_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    side = (16_000 - 1).to_bytes(3, "little")
    data = b"RIFF" + (100).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + side + side
    with pytest.raises(InvalidArgumentError) as caught:
        decode_image(data, label="canvas.webp")
    assert caught.value.reason == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (KeyError("tag"), "IMAGE_DAMAGED"),
        (TypeError("None"), "IMAGE_DAMAGED"),
        (struct.error("unpack"), "IMAGE_DAMAGED"),
        (OverflowError("size"), "IMAGE_DAMAGED"),
        (MemoryError(), "IMAGE_TOO_LARGE"),
        (Image.DecompressionBombError("frame"), "IMAGE_TOO_LARGE"),
    ],
)
def test_whatever_pillow_raises_becomes_an_error_of_the_picture(
    raised: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise raised

    data = encoded(Image.new("RGB", (4, 4)))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", failing)
    with pytest.raises(InvalidArgumentError) as caught:
        decode_image(data, label="broken.png")
    assert caught.value.reason == reason
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "_open", failing)
    with pytest.raises(InvalidArgumentError) as caught:
        decode_image(data, label="broken.png")
    # Pillow takes some of them, while it opens a file, for the sign of another format.
    assert caught.value.reason in {reason, "IMAGE_TRUNCATED"}


def test_the_pixel_limit_holds_to_the_pixel() -> None:
    data = encoded(Image.new("RGB", (10, 10)))
    decode_image(data, label="ten.png", max_pixels=100)
    with pytest.raises(InvalidArgumentError) as caught:
        decode_image(data, label="ten.png", max_pixels=99)
    assert caught.value.metadata == {"image": "ten.png", "max_pixels": "99", "width": "10", "height": "10"}


def refusal(data: bytes) -> str | None:
    try:
        decode_image(data, label="broken.file")
    except InvalidArgumentError as error:
        return f"{error.reason} {error.message}"
    return None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_file_cut_anywhere_is_refused_by_type_or_decoded(kind: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels), kind)
    refusals = [refusal(data[:length]) for length in range(0, len(data) - 1, max(1, len(data) // 40))]
    assert {each.split()[0] for each in refusals if each} <= {
        "IMAGE_TRUNCATED",
        "IMAGE_DAMAGED",
        "MEDIA_TYPE_UNSUPPORTED",
    }
    assert None not in refusals[: len(refusals) // 2]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_flipped_bytes_never_escape_as_another_exception(kind: str) -> None:
    rng = np.random.default_rng(1)
    data = encoded(Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)), kind)
    for _ in range(150):
        broken = bytearray(data)
        for position in rng.integers(0, min(len(data), 200), 3):
            broken[position] = rng.integers(0, 256)
        message = refusal(bytes(broken))
        assert message is None or "broken.file" in message
