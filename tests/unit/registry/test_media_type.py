"""What a file is, by its first bytes."""

import pytest

from framecast_registry.media_type import HEADER_BYTES, sniff
from tests.support.pictures import picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_pictures_are_told_apart(kind):
    assert sniff(picture(kind=kind)[:HEADER_BYTES]) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4V ", "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "video/quicktime"),
        (b"\x00\x00\x00\x20ftypavif", None),
        (b"\x00\x00\x00\x20ftypheic", None),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video/x-msvideo"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"BM is how this text starts, and no bitmap", None),
        (b"GIF88a", None),
        (b"%PDF-1.7", None),
        (b"\x89PN", None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_headers(header, media_type):
    assert sniff(header) == media_type
