"""A small set of pictures as cameras, editors and broken disks leave them, and of what is no picture."""

import io

import numpy as np
from PIL import Image

DAMAGED_EXIF = bytes.fromhex(
    "4578696600004d4d002a0000000800020125000200000006000000260112000300000001000600c10000000068656c6c6f00"
)
"""Orientation 6, beside a number where a text should be: Pillow reads it, and raises struct.error when it writes it."""

_KINDS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


def odd_pictures() -> dict[str, bytes]:
    """Files by a name that says what is odd about each; all are 24 x 16 before they are turned."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    plain = Image.fromarray(pixels)
    files = {f"plain.{kind}": encoded(plain, kind) for kind in _KINDS}
    files |= {f"cut.{kind}": data[: len(data) // 2] for kind, data in list(files.items())}
    files |= {f"head.{kind}": encoded(plain, kind)[:20] for kind in _KINDS}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        files |= {f"turned_{orientation}.{kind}": encoded(plain, kind, exif=exif) for kind in ("JPEG", "PNG", "TIFF")}
    for mode in ("L", "LA", "P", "1", "CMYK", "I;16", "I", "F", "RGBA", "YCbCr", "LAB"):
        files[f"{mode}.TIFF"] = encoded(_in_mode(plain, mode), "TIFF")
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        files[f"{compression}.TIFF"] = encoded(plain, "TIFF", compression=compression)
    files["big.TIFF"] = encoded(plain, "TIFF", big_tiff=True)
    files["pages.TIFF"] = encoded(plain, "TIFF", save_all=True, append_images=[plain.resize((5, 5))])
    files["damaged_exif.JPEG"] = encoded(plain, "JPEG", exif=DAMAGED_EXIF)
    files["two.MPO"] = encoded(plain, "MPO", save_all=True, append_images=[plain])
    files |= {f"foreign.{kind}": encoded(plain, kind) for kind in ("PPM", "TGA", "ICO", "PCX", "JPEG2000")}
    files |= {"empty": b"", "text": b"not a picture", "zeros": bytes(64)}
    return files


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    gray = np.asarray(image.convert("L"))
    if mode == "I;16":
        return Image.fromarray(gray.astype(np.uint16) * 257)
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    return image.convert(mode)
