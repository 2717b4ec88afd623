"""What a model sees in pictures, or in parts of them, as vectors."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from framecast.errors import FailedPreconditionError, FramecastError, InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_bundle.picture import rgb_of
from framecast_bundle.settings import effective_settings
from framecast_inference.image_prediction import ImageInput, ImagePrediction, check_count
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.patches import Box, PatchRule, crop
from framecast_inference.pipeline import OnCancel
from framecast_inference.sources.source_frame import SourceFrame

MAX_ROWS = 4096
WHOLE_PICTURE = -1


class MissingPatches(Enum):
    """What a picture without patches gives: no row, a row for all of it, or an error."""

    SKIP = "skip"
    WHOLE_IMAGE = "image"
    ERROR = "error"


@dataclass(frozen=True)
class Row:
    """What a vector is of."""

    image: int
    """Position among the pictures."""
    box: int
    """Position among the picture's boxes; `WHOLE_PICTURE`."""
    error: FramecastError | None = None
    """Why the vector is NaN."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    rows: list[Row]
    vectors: npt.NDArray[np.float32]
    """[rows, D]."""


class ImageEmbedding:
    """Embeds by predicting: pictures and patches share the batches of everybody who uses the model."""

    def __init__(self, images: ImagePrediction) -> None:
        self._images = images

    def embed(
        self,
        model: LoadedModel,
        inputs: Sequence[ImageInput],
        patches: Sequence[Sequence[Box]] | None,
        on_cancel: OnCancel,
        *,
        rule: PatchRule = PatchRule(),  # noqa: B008 - frozen
        missing: MissingPatches = MissingPatches.SKIP,
        normalize: bool = False,
        deadline: float = math.inf,
    ) -> Embeddings:
        """A vector for each picture, or for each box of `patches`, which has an entry per picture.

        Raises FailedPreconditionError (`NO_EMBEDDINGS`) for a model that gives none, InvalidArgumentError for patches
        that do not fit the pictures or are too many, and what `ImagePrediction.outcomes` raises; errors of single
        pictures and boxes are in their rows.
        """
        if not model.embedding_size:
            raise FailedPreconditionError(
                f"{model.name} ({model.manifest.architecture}) gives no embeddings; take a model whose graph has an "
                "output `features`, such as a resnet18",
                reason="NO_EMBEDDINGS",
                model_version=model.name,
                architecture=model.manifest.architecture,
            )
        check_count(inputs)
        rows = _rows(len(inputs), patches, missing)
        vectors = np.full((len(rows), model.embedding_size), np.nan, dtype=np.float32)
        # What is found in the picture is not asked for.
        settings = replace(effective_settings(InferenceSettings(), model.manifest), max_detections=1)
        frames = self._frames(inputs, rows, patches, rule)
        for outcome in self._images.outcomes(frames, len(rows), model, settings, on_cancel, deadline=deadline):
            position = outcome.frame.index
            if outcome.prediction is None:
                rows[position] = replace(rows[position], error=outcome.frame.error)
            else:
                vectors[position] = outcome.prediction.features
        if normalize:
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.where(lengths > 0, lengths, 1)
        return Embeddings(rows, vectors)

    def _frames(
        self,
        inputs: Sequence[ImageInput],
        rows: Sequence[Row],
        patches: Sequence[Sequence[Box]] | None,
        rule: PatchRule,
    ) -> Iterator[SourceFrame]:
        picture: SourceFrame | None = None
        for position, row in enumerate(rows):
            if picture is None or picture.index != row.image:
                picture = self._images.frame(row.image, inputs[row.image])
            if row.box == WHOLE_PICTURE or picture.image is None or patches is None:
                yield replace(picture, index=position)
                continue
            try:
                patch = crop(rgb_of(picture.image), patches[row.image][row.box], rule)
            except InvalidArgumentError as error:
                error.field = f"patches[{row.image}].boxes[{row.box}]"
                yield SourceFrame(index=position, error=error)
            else:
                yield SourceFrame(index=position, image=patch)


def _rows(pictures: int, patches: Sequence[Sequence[Box]] | None, missing: MissingPatches) -> list[Row]:
    if patches is None:
        return [Row(image, WHOLE_PICTURE) for image in range(pictures)]
    if len(patches) != pictures:
        raise InvalidArgumentError(
            f"patches has {len(patches)} entries for {pictures} pictures; give one each, or none at all",
            reason="PATCH_COUNT",
            field="patches",
            count=len(patches),
        )
    rows: list[Row] = []
    for image, boxes in enumerate(patches):
        if not boxes and missing is MissingPatches.ERROR:
            raise InvalidArgumentError(
                f"picture {image} has no patches", reason="PATCHES_MISSING", field=f"patches[{image}]"
            )
        if not boxes and missing is MissingPatches.WHOLE_IMAGE:
            rows.append(Row(image, WHOLE_PICTURE))
        rows += [Row(image, box) for box in range(len(boxes))]
    if len(rows) > MAX_ROWS:
        raise InvalidArgumentError(
            f"patches has {len(rows)} boxes; give at most {MAX_ROWS}, more in further calls",
            reason="PATCH_COUNT",
            field="patches",
            count=len(rows),
        )
    return rows
