"""Encoded pictures to upright RGB, for learning as for serving. What a file is, its bytes say; its name is only for
messages."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from framecast.errors import FramecastError, InvalidArgumentError
from framecast_bundle.orientation import Orientation
from framecast_bundle.webp_size import webp_size

Image = npt.NDArray[np.uint8]

MAX_PIXELS = 100_000_000
"""Of a picture or a video's frame; the registry and the client's importers hold to the same number."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_EXIF_ORIENTATION = 0x0112


def decode_image(data: bytes, *, label: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Decodes JPEG, PNG, WebP, BMP, GIF or TIFF (the first picture in it) to upright RGB uint8 [H, W, 3].

    Gray, CMYK, palette, 16-bit and floating-point pictures become 8-bit RGB; an alpha channel is dropped, so that
    colours stay as stored. No colour profile is applied. EXIF that is damaged is left aside. Every error starts with
    `label` and is an InvalidArgumentError with reason `MEDIA_TYPE_UNSUPPORTED`, `IMAGE_TOO_LARGE` (by the header,
    before anything is decoded), `IMAGE_TRUNCATED` or `IMAGE_DAMAGED`.
    """
    size = webp_size(data)
    if size is not None:  # Pillow allocates the canvas of a WebP when it opens it
        _check_size(label, *size, max_pixels)
    try:
        picture = PillowImage.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        if data.startswith(_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
            raise _truncated(label) from None
        raise _unsupported(label, data) from None
    except Exception as error:  # Pillow's readers let anything through, from KeyError to struct.error
        raise _undecodable(label, error, max_pixels) from None
    with picture:
        _check_size(label, *picture.size, max_pixels)
        try:
            picture.load()
            pixels = _to_rgb(picture)
        except Exception as error:  # as above
            raise _undecodable(label, error, max_pixels) from None
        return _orientation(picture).apply(pixels)


def _to_rgb(picture: PillowImage.Image) -> Image:
    if picture.mode == "F":
        return _gray(_float_levels(np.asarray(picture, dtype=np.float64)))
    if picture.mode.startswith("I"):
        # Pillow clips here; 65535 is white. The sum rounds to nearest, so that 257 x v gives v again.
        return _gray((np.asarray(picture).astype(np.int64) * 255 + 32767) // 65535)
    picture.info.pop("transparency", None)  # else a palette's colours may change on the way
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _float_levels(levels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Floating-point gray says nothing of its range: 8-bit levels, or 16-bit ones where any is above 255."""
    levels = np.nan_to_num(levels, nan=0.0)
    return np.rint(levels / 257 if levels.max(initial=0) > 255 else levels)


def _gray(levels: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> Image:
    return np.repeat(levels.clip(0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def _orientation(picture: PillowImage.Image) -> Orientation:
    try:
        return Orientation.from_exif(picture.getexif().get(_EXIF_ORIENTATION))
    except Exception:  # as above; a picture with broken EXIF is shown as it is stored, as browsers do
        return Orientation()


def _check_size(label: str, width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise _too_large(label, f"{width} x {height} pixels", max_pixels, width=width, height=height)


def _unsupported(label: str, data: bytes) -> FramecastError:
    what = "is empty" if not data else "is not a JPEG, PNG, WebP, BMP, GIF or TIFF"
    return InvalidArgumentError(
        f"{label} {what}; a whole picture file is needed",
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


def _undecodable(label: str, error: Exception, max_pixels: int) -> FramecastError:
    if isinstance(error, MemoryError | PillowImage.DecompressionBombError):  # Pillow does not say the size
        return _too_large(label, "too many pixels", max_pixels)
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return _truncated(label)
    return InvalidArgumentError(
        f"{label} is damaged: {error}; replace it by a whole copy",
        reason="IMAGE_DAMAGED",
        field="images",
        image=label,
    )


def _truncated(label: str) -> FramecastError:
    return InvalidArgumentError(
        f"{label} is truncated; the whole file is needed", reason="IMAGE_TRUNCATED", field="images", image=label
    )
