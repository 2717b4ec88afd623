"""Looks at picture files before anything is sent: opened, within limits, decoded to the last pixel, and hashed."""

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from framecast.errors import FramecastError, InvalidArgumentError
from framecast.importers.labelled_set import LabelledPicture

MAX_PIXELS = 100_000_000
"""Larger pictures are refused by their header, before they are decoded."""

_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class CheckedPicture:
    """A picture file that can be decoded."""

    picture: LabelledPicture
    sha256: str
    size_bytes: int


def check_pictures(
    pictures: Sequence[LabelledPicture], *, on_done: Callable[[int], None] = lambda done: None, threads: int = 4
) -> list[CheckedPicture]:
    """Checks all pictures in parallel; `on_done` is told how many are done.

    Raises the first InvalidArgumentError in the order of `pictures`: `IMAGE_TOO_LARGE`, `MEDIA_TYPE_UNSUPPORTED`,
    `IMAGE_SIZE_MISMATCH`, `IMAGE_TRUNCATED`, `IMAGE_UNREADABLE`; then `IMAGE_DUPLICATE`.
    """
    checked = []
    with ThreadPoolExecutor(threads, thread_name_prefix="check") as pool:
        tasks = [pool.submit(check_picture, picture) for picture in pictures]
        try:
            for done, task in enumerate(tasks, start=1):
                checked.append(task.result())
                on_done(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _refuse_duplicates(checked)
    return checked


def _refuse_duplicates(checked: Sequence[CheckedPicture]) -> None:
    """A dataset version has each picture once: one that is learned from and measured on would lie about the model."""
    first: dict[str, LabelledPicture] = {}
    pairs = []
    for entry in checked:
        other = first.setdefault(entry.sha256, entry.picture)
        if other is not entry.picture:
            pairs.append((other, entry.picture))
    if not pairs:
        return
    one, two = (f"{picture.path} ({picture.subset.value})" for picture in pairs[0])
    more = f"; so are {len(pairs) - 1} more pairs" if len(pairs) > 1 else ""
    raise InvalidArgumentError(
        f"{one} and {two} are the same picture, leave one of them out{more}",
        reason="IMAGE_DUPLICATE",
        file=pairs[0][1].path,
        other=pairs[0][0].path,
        duplicates=len(pairs),
    )


def check_picture(picture: LabelledPicture) -> CheckedPicture:
    """Checks one picture; see `check_pictures`."""
    data = picture.path.read_bytes()
    if not data:
        raise InvalidArgumentError(f"{picture.path}: the file is empty", reason="IMAGE_UNREADABLE", file=picture.path)
    size = _decode(picture.path, data)
    if picture.size is not None and picture.size != size:
        raise InvalidArgumentError(
            f"{picture.source_file}: image {picture.source_id} ({picture.file_name}) is announced as"
            f" {picture.size[0]} x {picture.size[1]}, but the upright picture has {size[0]} x {size[1]} pixels;"
            " its annotations would not fit",
            reason="IMAGE_SIZE_MISMATCH",
            file=picture.path,
            image_id=picture.source_id,
        )
    return CheckedPicture(picture, hashlib.sha256(data).hexdigest(), len(data))


def _decode(path: Path, data: bytes) -> tuple[int, int]:
    """Width and height of the upright picture."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.format not in _FORMATS:
                raise _unsupported(path, f"{image.format} pictures are not supported")
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InvalidArgumentError(
                    f"{path}: {width} x {height} pixels are too many, the limit is {MAX_PIXELS}",
                    reason="IMAGE_TOO_LARGE",
                    file=path,
                    width=width,
                    height=height,
                )
            image.load()
            return (height, width) if _turned(image) else (width, height)
    except FramecastError:
        raise
    except UnidentifiedImageError:
        raise _unsupported(path, "this is not a picture (JPEG, PNG, WebP, BMP, GIF, TIFF)") from None
    except (Image.DecompressionBombError, MemoryError):
        raise InvalidArgumentError(
            f"{path}: the picture has too many pixels, the limit is {MAX_PIXELS}", reason="IMAGE_TOO_LARGE", file=path
        ) from None
    except Exception as error:  # Pillow's readers let anything through, from KeyError to struct.error
        raise InvalidArgumentError(
            f"{path}: the picture is cut off or damaged ({error}); replace the file or leave it out",
            reason="IMAGE_TRUNCATED",
            file=path,
        ) from None


def _turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception:  # as above; with damaged EXIF the picture counts as it is stored
        return False


def _unsupported(path: Path, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{path}: {why}", reason="MEDIA_TYPE_UNSUPPORTED", file=path)
