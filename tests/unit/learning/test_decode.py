"""Pictures as they come: turned, gray, deep, broken."""

import io

import numpy as np
import pytest
from PIL import Image

from framecast.errors import DataLossError
from framecast_bundle.image_decoder import decode_image
from framecast_trainer.learning import decode
from framecast_trainer.learning.data import Sample
from tests.support.odd_pictures import DAMAGED_EXIF


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_exif_turns_the_picture():
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    assert decode.decode(encoded(image, "JPEG", exif=exif), "a.jpg").shape == (30, 20, 3)


def test_sixteen_bit_gray_is_scaled():
    levels = np.array([[0, 257 * 100, 65535]], np.uint16)
    assert decode.decode(encoded(Image.fromarray(levels)), "a.png")[0, :, 0].tolist() == [0, 100, 255]


def test_a_picture_with_damaged_exif_is_learned_as_it_is_predicted():
    image = Image.fromarray(np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3))
    content = encoded(image, "JPEG", exif=DAMAGED_EXIF)
    np.testing.assert_array_equal(decode.decode(content, "a.jpg"), decode_image(content, label="a.jpg"))
    assert decode.decode(content, "a.jpg").shape == (30, 20, 3)


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "1", "CMYK"])
def test_every_mode_becomes_rgb(mode: str):
    image = Image.fromarray(np.full((4, 5, 3), 255, np.uint8)).convert(mode)
    pixels = decode.decode(encoded(image, "TIFF"), "a.tif")
    assert pixels.shape == (4, 5, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("content", [b"", b"not a picture", encoded(Image.new("RGB", (64, 64), "red"))[:60]])
def test_what_cannot_be_read_is_named(content: bytes):
    with pytest.raises(DataLossError, match=r"broken\.png") as caught:
        decode.decode(content, "broken.png")
    assert caught.value.reason == "IMAGE_UNREADABLE"


def test_too_many_pixels_are_refused_before_decoding():
    with pytest.raises(DataLossError, match="limit is 100000000 pixels") as caught:
        decode.decode(encoded(Image.new("1", (10_001, 10_000))), "big.png")
    assert caught.value.reason == "IMAGE_TOO_LARGE"


def test_labels_for_another_size_are_refused():
    content = encoded(Image.new("RGB", (64, 48)))
    with pytest.raises(DataLossError, match="64 x 48, but its labels are for 48 x 64"):
        decode.decode_sample(Sample(lambda: content, "turned.png", 48, 64))
