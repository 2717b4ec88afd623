"""Pictures looked into, the nasty ones among them."""

import contextlib
import io
import struct
import threading
import zlib
from typing import Any

import pytest
from PIL import Image

from framecast.errors import InvalidArgumentError
from framecast_registry.domain import ImageProperties
from framecast_registry.image_probe import probe_image
from tests.support.pictures import picture


def probe(data: Any, media_type: Any, max_pixels: Any = 100_000_000) -> Any:
    return probe_image(io.BytesIO(data), media_type, "it.bin", max_pixels=max_pixels)


def refusal(data: Any, media_type: Any, **options: Any) -> Any:
    with pytest.raises(InvalidArgumentError) as caught:
        probe(data, media_type, **options)
    assert "it.bin" in caught.value.message
    return caught.value.reason


def png_header(width: Any, height: Any) -> Any:
    def chunk(kind: Any, data: Any) -> Any:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_is_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = picture(width=40, height=20, kind="JPEG", exif=exif)
    assert probe(data, "image/jpeg") == (ImageProperties(20, 40) if orientation > 4 else ImageProperties(40, 20))


def test_damaged_exif_does_no_harm():
    data = picture(width=40, height=20, kind="JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffjunk")
    assert probe(data, "image/jpeg") == ImageProperties(40, 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize(("limit", "accepted"), [(768, True), (767, False)])
def test_the_pixel_limit_has_two_sides(kind, limit, accepted):
    data = picture(kind=kind, width=32, height=24)
    if accepted:
        assert probe(data, f"image/{kind.lower()}", max_pixels=limit) == ImageProperties(32, 24)
    else:
        assert refusal(data, f"image/{kind.lower()}", max_pixels=limit) == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("size", [(40_000, 40_000), (2**31 - 1, 2**31 - 1), (10**8 + 1, 1)])
def test_a_bomb_is_refused_by_its_header(size, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # so that it is our limit which holds
    assert refusal(png_header(*size), "image/png") == "IMAGE_TOO_LARGE"


def test_a_webp_bomb_is_refused_before_it_is_opened(monkeypatch):
    data = bytearray(picture(kind="WEBP", width=32, height=24, lossless=True))
    data[21:25] = (0x3FFF | 0x3FFF << 14).to_bytes(4, "little")
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.__init__", None)  # opening would fail
    assert refusal(bytes(data), "image/webp") == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\x00\x00"}])
def test_every_form_of_webp_has_its_size_in_the_header(options):
    data = picture(kind="WEBP", width=33, height=21, **options)
    assert probe(data, "image/webp") == ImageProperties(33, 21)
    assert refusal(data, "image/webp", max_pixels=33 * 21 - 1) == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_no_cut_is_accepted_and_none_is_a_crash(kind):
    data = picture(kind=kind, width=60, height=50)
    for length in range(0, int(len(data) * 0.9), max(len(data) // 40, 1)):
        assert refusal(data[:length], f"image/{kind.lower()}") in ("IMAGE_TRUNCATED", "IMAGE_UNREADABLE")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_damaged_bytes_are_refused_or_decoded_but_never_a_crash(kind):
    data = picture(kind=kind, width=60, height=50)
    for position in range(12, len(data), max(len(data) // 60, 1)):
        damaged = data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]
        with contextlib.suppress(InvalidArgumentError):
            probe(damaged, f"image/{kind.lower()}", max_pixels=1_000_000)


def test_many_threads_may_probe_at_once():
    data = picture(width=200, height=200)
    found = []
    threads = [threading.Thread(target=lambda: found.append(probe(data, "image/png"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [ImageProperties(200, 200)] * 8
