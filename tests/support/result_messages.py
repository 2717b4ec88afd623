"""Results as messages, built field by field: what the core's writer is compared with."""

from collections.abc import Sequence

from framecast.status import to_status
from framecast.v1 import frame_result_pb2
from framecast.v1.frame_result_pb2 import FrameResult
from framecast.v1.geometry_pb2 import BoundingBox, Polygon, Ring
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.prediction import FloatArray, Prediction
from framecast_inference.pipeline import FrameOutcome


def frame_result_message(outcome: FrameOutcome, manifest: ModelBundle) -> FrameResult:
    """One picture's or frame's answer, or its error."""
    frame = outcome.frame
    result = FrameResult(frame_index=frame.index, pts=frame.pts)
    if frame.time_s is not None:
        nanoseconds = round(abs(frame.time_s) * 10**9)
        sign = -1 if frame.time_s < 0 else 1
        result.presentation_time.seconds = sign * (nanoseconds // 10**9)
        result.presentation_time.nanos = sign * (nanoseconds % 10**9)
    if outcome.prediction is not None:
        result.prediction.CopyFrom(prediction_message(outcome.prediction, manifest))
    elif frame.error is not None:
        result.error.CopyFrom(to_status(frame.error))
    return result


def prediction_message(prediction: Prediction, manifest: ModelBundle) -> frame_result_pb2.Prediction:
    """The message of a prediction; ids and names of categories come from the manifest."""
    message = frame_result_pb2.Prediction(width=prediction.width, height=prediction.height)
    boxes, scores = prediction.boxes.tolist(), prediction.scores.tolist()
    for index, class_index in enumerate(prediction.class_indices.tolist()):
        category = manifest.categories[class_index]
        x_min, y_min, x_max, y_max = boxes[index]
        instance = message.instances.add(
            category_id=category.id,
            category=category.name,
            score=scores[index],
            box=BoundingBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max),
        )
        if prediction.polygons is not None:
            instance.polygons.extend(_polygon(rings) for rings in prediction.polygons.parts(index))
            instance.mask_area = int(prediction.polygons.areas[index])
        if prediction.keypoints is not None:
            points, point_scores = prediction.keypoints.points[index], prediction.keypoints.scores[index]
            for (x, y), score in zip(points.tolist(), point_scores.tolist(), strict=True):
                instance.keypoints.add(x=x, y=y, score=score)
        if prediction.track_ids is not None:
            instance.track_id = int(prediction.track_ids[index])
    if prediction.segmentation is not None:
        message.segmentation.CopyFrom(_segmentation(prediction, manifest))
    if prediction.label_scores is not None:
        for class_index in prediction.labels.tolist():
            category = manifest.categories[class_index]
            score = float(prediction.label_scores[class_index])
            message.labels.add(category_id=category.id, category=category.name, score=score)
    return message


def _segmentation(prediction: Prediction, manifest: ModelBundle) -> frame_result_pb2.Segmentation:
    assert prediction.segmentation is not None
    message = frame_result_pb2.Segmentation(height=prediction.height, width=prediction.width)
    position = {-1: 0}
    for class_index, area in enumerate(prediction.segmentation.areas.tolist()):
        if area:
            category = manifest.categories[class_index]
            message.segments.add(category_id=category.id, category=category.name, area=area)
            position[class_index] = len(message.segments)
    message.run_lengths.extend(prediction.segmentation.lengths.tolist())
    message.run_segments.extend(position[each] for each in prediction.segmentation.classes.tolist())
    return message


def _polygon(rings: Sequence[FloatArray]) -> Polygon:
    exterior, *holes = (Ring(coordinates=ring.ravel().tolist()) for ring in rings)
    return Polygon(exterior=exterior, holes=holes)
