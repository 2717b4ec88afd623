"""What a model sees in pictures, or in parts of them, as NumPy arrays."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framecast._connection import Connection
from framecast._image_sources import ImageLike
from framecast._inference import image_portions
from framecast._models import ModelReference, Models
from framecast.errors import InvalidArgumentError
from framecast.status import from_status
from framecast.v1 import geometry_pb2, inference_service_pb2

_Request = inference_service_pb2.EmbedImagesRequest
MISSING = {"skip": _Request.SKIP, "image": _Request.WHOLE_IMAGE, "error": _Request.ERROR}
_BOXES_PER_CALL = 2048


class Embedding:
    """What `Client.embed` and `embed_patches` do."""

    def __init__(self, connection: Connection, models: Models) -> None:
        self._connection = connection
        self._models = models

    def pictures(
        self, model: ModelReference, images: Sequence[ImageLike], *, normalize: bool, timeout: float
    ) -> NDArray[np.float32]:
        """float32 [N, D]. Raises the error of the first picture that has none."""
        version = self._models.resolve_version(model)
        parts = []
        for portion in image_portions(images):
            request = _Request(model_version=version, images=portion, normalize=normalize)
            parts.append(_vectors(self._connection.inference.EmbedImages(request, timeout=timeout)))
        return np.concatenate(parts) if parts else np.empty((0, self._dimension(version, timeout)), np.float32)

    def patches(
        self,
        model: ModelReference,
        images: Sequence[ImageLike],
        boxes: Sequence[ArrayLike],
        *,
        force_square: bool,
        alpha: float,
        handle_missing: str,
        normalize: bool,
        timeout: float,
    ) -> list[NDArray[np.float32]]:
        """float32 [boxes, D] for each picture. Raises the error of the first picture or box that has none."""
        if handle_missing not in MISSING:
            raise InvalidArgumentError(
                f"handle_missing is {handle_missing!r}; it must be one of {', '.join(MISSING)}",
                field="handle_missing",
                value=handle_missing,
            )
        if len(boxes) != len(images):
            raise InvalidArgumentError(
                f"there are boxes for {len(boxes)} pictures, but {len(images)} pictures; give an entry for each",
                field="boxes",
            )
        version = self._models.resolve_version(model)
        found: list[NDArray[np.float32]] = []
        waiting = [_patches(each, position) for position, each in enumerate(boxes)]
        for start, portion in _portions(images, waiting):
            request = _Request(
                model_version=version,
                images=portion,
                patches=waiting[start : start + len(portion)],
                missing_patches=MISSING[handle_missing],
                patch_margin=alpha,
                square_patches=force_square,
                normalize=normalize,
            )
            response = self._connection.inference.EmbedImages(request, timeout=timeout)
            vectors, images_of = _vectors(response), np.array([row.image for row in response.rows], np.int64)
            found += [vectors[images_of == position] for position in range(len(portion))]
        return found

    def _dimension(self, version: str, timeout: float) -> int:
        request = inference_service_pb2.LoadModelVersionRequest(model_version=version)
        return int(self._connection.inference.LoadModelVersion(request, timeout=timeout).embedding_size)


def _portions(images: Sequence[ImageLike], patches: Sequence[_Request.Patches]) -> Iterator[tuple[int, list[Any]]]:
    """Pictures that fit into a call, with the position of the first; a call has few enough boxes, too."""
    start = 0
    for portion in image_portions(images):
        while portion:
            count, total = 0, 0
            for each in patches[start : start + len(portion)]:
                total += max(1, len(each.boxes))
                if count and total > _BOXES_PER_CALL:
                    break
                count += 1
            yield start, portion[:count]
            start, portion = start + count, portion[count:]


def _patches(boxes: ArrayLike, position: int) -> _Request.Patches:
    array = np.asarray(boxes, np.float32)
    if array.size == 0:
        return _Request.Patches()
    if array.ndim != 2 or array.shape[1] != 4:
        raise InvalidArgumentError(
            f"boxes[{position}] has shape {list(array.shape)}; it must be [N, 4]: x_min, y_min, x_max, y_max",
            field=f"boxes[{position}]",
        )
    rows = array.tolist()
    return _Request.Patches(
        boxes=[geometry_pb2.BoundingBox(x_min=row[0], y_min=row[1], x_max=row[2], y_max=row[3]) for row in rows]
    )


def _vectors(response: inference_service_pb2.EmbedImagesResponse) -> NDArray[np.float32]:
    for row in response.rows:
        if row.HasField("error"):
            raise from_status(row.error)
    return np.frombuffer(response.vectors, "<f4").reshape(len(response.rows), response.dimension).astype(np.float32)
