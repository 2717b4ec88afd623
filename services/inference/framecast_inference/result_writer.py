"""Results to the wire format of their messages by the core: no Python object per box or point."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

import framecast_core
from framecast.status import to_status
from framecast.v1 import inference_service_pb2 as messages
from framecast.v1.frame_result_pb2 import DebugPicture, FrameResult
from framecast_bundle.prediction import Prediction, Segmentation
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.picture_watch import now
from framecast_inference.pipeline import FrameOutcome
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.video_prediction import StreamedFrame

_NANOSECONDS = 1_000_000_000
_LENGTH_DELIMITED = 2
_RESULTS = messages.PredictImagesResponse.RESULTS_FIELD_NUMBER
_RESULT = messages.PredictVideoResponse.RESULT_FIELD_NUMBER
_LIVE_RESULT = messages.StreamFramesResponse.RESULT_FIELD_NUMBER


def frame_result(outcome: FrameOutcome, categories: framecast_core.CategoryTable) -> bytes:
    """A `FrameResult`: one picture's or frame's answer, or its error."""
    frame, prediction = outcome.frame, outcome.prediction
    fields = _fields_of(prediction) if prediction is not None else {}
    if outcome.debug_picture is not None:
        picture = DebugPicture(data=outcome.debug_picture.data, media_type=outcome.debug_picture.media_type)
        fields["debug_pictures"] = [picture.SerializeToString()]
    size = [0, 0] if prediction is None else [prediction.height, prediction.width]
    (result,) = framecast_core.serialise_results(
        categories,
        np.array([frame.index], dtype=np.int64),
        np.array([size], dtype=np.int32),
        pts=np.array([frame.pts], dtype=np.int64),
        presentation_times=np.array([split_seconds(frame.time_s or Fraction(0))], dtype=np.int64),
        timed=np.array([frame.time_s is not None]),
        errors=None if frame.error is None else [to_status(frame.error).SerializeToString()],
        **fields,
    )
    return result + _origin_of(frame)


def measured_result(outcome: FrameOutcome, model: LoadedModel) -> bytes:
    """The same of a model's own outcome, counted with its other stages."""
    start = now()
    result = frame_result(outcome, model.categories)
    model.meter.encode.observe(now() - start)
    return result


def images_response(
    outcomes: Iterable[FrameOutcome], model: LoadedModel, terms: messages.PredictImagesResponse
) -> bytes:
    """A `PredictImagesResponse` with the results in front of what `terms` holds."""
    results = [field_of(_RESULTS, measured_result(outcome, model)) for outcome in outcomes]
    return b"".join([*results, terms.SerializeToString(deterministic=True)])


def video_response(frame: StreamedFrame, model: LoadedModel, *, total_frames: int) -> bytes:
    """A `PredictVideoResponse` with a frame's result and the stream's progress."""
    progress = messages.PredictVideoResponse.Progress(
        frames_done=frame.frames_done, total_frames=total_frames, resume_token=frame.resume_token
    )
    rest = messages.PredictVideoResponse(progress=progress).SerializeToString()
    return field_of(_RESULT, measured_result(frame.outcome, model)) + rest


def live_response(outcome: FrameOutcome, model: LoadedModel, terms: messages.StreamFramesResponse) -> bytes:
    """A `StreamFramesResponse` with a frame's result in front of what `terms` holds."""
    return field_of(_LIVE_RESULT, measured_result(outcome, model)) + terms.SerializeToString()


def split_seconds(seconds: Fraction) -> tuple[int, int]:
    """Seconds and nanoseconds of a Duration, rounded; both have the sign of the whole."""
    # Whole numbers: a fraction's own arithmetic takes many times as long, for each frame.
    nanoseconds, rest = divmod(abs(seconds.numerator) * _NANOSECONDS, seconds.denominator)
    if 2 * rest > seconds.denominator or (2 * rest == seconds.denominator and nanoseconds % 2):
        nanoseconds += 1
    sign = -1 if seconds < 0 else 1
    return sign * (nanoseconds // _NANOSECONDS), sign * (nanoseconds % _NANOSECONDS)


def field_of(number: int, payload: bytes) -> bytes:
    """A message field in wire format: its tag, its length, itself."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(payload)) + payload


def read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """A number in wire format, and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
        shift += 7


def _origin_of(frame: SourceFrame) -> bytes:
    """Fields of a `FrameResult` that say where the frame came from; the core knows nothing of names."""
    if not frame.asset and not frame.source_index:
        return b""
    return FrameResult(asset=frame.asset, source_index=frame.source_index).SerializeToString()


def _fields_of(prediction: Prediction) -> dict[str, Any]:
    count = len(prediction.scores)
    fields: dict[str, Any] = {
        "splits": np.array([0, count], dtype=np.int64),
        "boxes": prediction.boxes,
        "scores": prediction.scores,
        "classes": prediction.class_indices,
    }
    if prediction.polygons is not None:
        fields |= {"polygons": prediction.polygons, "mask_areas": prediction.polygons.areas}
    if prediction.keypoints is not None:
        _, each, _ = prediction.keypoints.points.shape
        fields |= {
            "keypoint_splits": np.arange(count + 1, dtype=np.int64) * each,
            "keypoints": prediction.keypoints.points.reshape(-1, 2),
            "keypoint_scores": prediction.keypoints.scores.reshape(-1),
        }
    if prediction.track_ids is not None:
        fields["track_ids"] = prediction.track_ids
    if prediction.segmentation is not None:
        fields |= _segmentation_fields(prediction.segmentation)
    if prediction.run_lengths is not None:
        fields |= {
            "mask_splits": prediction.run_lengths.splits,
            "mask_counts": prediction.run_lengths.counts,
            "mask_areas": prediction.run_lengths.areas,
        }
    if prediction.logits is not None:
        fields["logits"] = np.ascontiguousarray(prediction.logits)
    if prediction.label_logits is not None:
        fields["image_logits"] = np.ascontiguousarray(prediction.label_logits[None])
    if prediction.label_scores is not None:
        labels = prediction.labels
        fields |= {
            "label_splits": np.array([0, len(labels)], dtype=np.int64),
            "label_classes": labels,
            "label_scores": prediction.label_scores[labels],
        }
    return fields


def _segmentation_fields(segmentation: Segmentation) -> dict[str, Any]:
    present = np.flatnonzero(segmentation.areas)
    # The class of a run → its place among those that occur, from 1; the last entry is what -1 finds: no class.
    positions = np.zeros(len(segmentation.areas) + 1, dtype=np.uint32)
    positions[present] = np.arange(1, len(present) + 1)
    return {
        "segment_splits": np.array([0, len(present)], dtype=np.int64),
        "segment_classes": present.astype(np.int32),
        "segment_areas": segmentation.areas[present],
        "run_splits": np.array([0, len(segmentation.lengths)], dtype=np.int64),
        "run_lengths": np.ascontiguousarray(segmentation.lengths),
        "run_segments": positions[segmentation.classes],
    }


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
