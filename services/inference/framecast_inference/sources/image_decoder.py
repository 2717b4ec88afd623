"""Encoded pictures to upright RGB. What a file is, its bytes say; its name is only for messages."""

import io

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from framecast.errors import FramecastError, InvalidArgumentError
from framecast_inference.sources.orientation import Orientation
from framecast_inference.sources.source_frame import Image

MAX_PIXELS = 100_000_000

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF87a", b"GIF89a")
_EXIF_ORIENTATION = 0x0112


def decode_image(data: bytes, *, label: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Decodes JPEG, PNG, WebP, BMP or GIF (its first frame) to upright RGB uint8 [H, W, 3].

    Gray, CMYK, palette and 16-bit pictures become 8-bit RGB; an alpha channel is dropped, so that colours stay as
    stored. No colour profile is applied. Every error starts with `label` and is an InvalidArgumentError with reason
    `MEDIA_TYPE_UNSUPPORTED`, `IMAGE_TOO_LARGE` (by the header, before anything is decoded), `IMAGE_TRUNCATED` or
    `IMAGE_DAMAGED`.
    """
    try:
        picture = PillowImage.open(io.BytesIO(data), formats=_FORMATS)
    except PillowImage.DecompressionBombError:  # Pillow refuses the header's size, and does not say it
        raise _too_large(label, "too many pixels", max_pixels) from None
    except UnidentifiedImageError:
        if _starts_like_an_image(data):
            raise _truncated(label) from None
        raise _unsupported(label, data) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _undecodable(label, error) from None
    with picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise _too_large(label, f"{width} x {height} pixels", max_pixels, width=width, height=height)
        try:
            picture.load()
            pixels = _to_rgb(picture)
        except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
            raise _undecodable(label, error) from None
        return _orientation(picture).apply(pixels)


def _to_rgb(picture: PillowImage.Image) -> Image:
    if picture.mode.startswith("I"):
        # Pillow clips here; 65535 is white. The sum rounds to nearest, so that 257 x v gives v again.
        wide = np.asarray(picture).astype(np.uint32)
        gray = ((wide * 255 + 32767) // 65535).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, np.newaxis], 3, axis=2)
    picture.info.pop("transparency", None)  # else a palette's colours may change on the way
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _orientation(picture: PillowImage.Image) -> Orientation:
    try:
        return Orientation.from_exif(picture.getexif().get(_EXIF_ORIENTATION))
    except Exception:  # Pillow's EXIF reader lets anything through; a picture with broken EXIF is shown as it is stored
        return Orientation()


def _starts_like_an_image(data: bytes) -> bool:
    return data.startswith(_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _unsupported(label: str, data: bytes) -> FramecastError:
    what = "is empty" if not data else "is not a JPEG, PNG, WebP, BMP or GIF"
    return InvalidArgumentError(
        f"{label} {what}; send a whole picture file",
        reason="MEDIA_TYPE_UNSUPPORTED",
        field="images",
        image=label,
        size_bytes=len(data),
    )


def _too_large(label: str, what: str, max_pixels: int, **metadata: object) -> FramecastError:
    return InvalidArgumentError(
        f"{label}: {what}, the limit is {max_pixels} pixels; scale it down first",
        reason="IMAGE_TOO_LARGE",
        field="images",
        image=label,
        max_pixels=max_pixels,
        **metadata,
    )


def _undecodable(label: str, error: Exception) -> FramecastError:
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return _truncated(label)
    return InvalidArgumentError(
        f"{label} is damaged: {error}; send it again", reason="IMAGE_DAMAGED", field="images", image=label
    )


def _truncated(label: str) -> FramecastError:
    return InvalidArgumentError(
        f"{label} is truncated; send the whole file", reason="IMAGE_TRUNCATED", field="images", image=label
    )
