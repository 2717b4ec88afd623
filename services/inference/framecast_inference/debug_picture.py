"""What the network saw, with what was made of its answer drawn on it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from framecast import Instances, Label, Polygon
from framecast import Prediction as Drawable
from framecast.drawing import draw_prediction
from framecast.v1.annotation_pb2 import Category
from framecast_bundle.picture import Image
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction


@dataclass(frozen=True)
class DebugPicture:
    """A picture's file."""

    data: bytes
    media_type: str


def draw_debug_picture(
    picture: Image, placement: Placement, prediction: Prediction, categories: Sequence[Category]
) -> DebugPicture:
    """A PNG of the tensor's size; `picture` is RGB uint8 [height, width, 3], the prediction in source pixels."""
    drawn = draw_prediction(PillowImage.fromarray(picture), _in_tensor(prediction, placement, categories))
    file = io.BytesIO()
    drawn.save(file, "png", compress_level=1)
    return DebugPicture(file.getvalue(), "image/png")


def _in_tensor(prediction: Prediction, placement: Placement, categories: Sequence[Category]) -> Drawable:
    chosen = [categories[index] for index in prediction.class_indices.tolist()]
    scores = prediction.label_scores
    labels = [] if scores is None else [(categories[int(row)], float(scores[row])) for row in prediction.labels]
    instances = Instances(
        boxes=placement.to_tensor(prediction.boxes),
        scores=prediction.scores,
        category_ids=np.array([category.id for category in chosen], dtype=np.int32),
        names=tuple(category.name for category in chosen),
        polygons=tuple(_polygons(prediction, row, placement) for row in range(len(chosen))),
        keypoints=((),) * len(chosen),
        mask_areas=np.zeros(len(chosen), dtype=np.int64),
    )
    return Drawable(
        width=placement.tensor_width,
        height=placement.tensor_height,
        instances=instances,
        labels=tuple(Label(category.id, category.name, score) for category, score in labels),
    )


def _polygons(prediction: Prediction, row: int, placement: Placement) -> tuple[Polygon, ...]:
    if prediction.polygons is None:
        return ()
    scale = placement.scale[:2]
    offset = np.array([placement.x, placement.y], dtype=np.float32)
    return tuple(
        Polygon(exterior * scale + offset, tuple(hole * scale + offset for hole in holes))
        for exterior, *holes in prediction.polygons.parts(row)
    )
