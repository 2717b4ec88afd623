"""Results in wire format: byte for byte what protobuf writes of the same messages."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from google.rpc import error_details_pb2

import framecast_core
from framecast.errors import InvalidArgumentError
from framecast.status import from_status
from framecast.v1.frame_result_pb2 import FrameResult
from framecast.v1.inference_service_pb2 import LoadedModel, PredictImagesResponse, PredictVideoResponse
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Keypoints, Prediction, Segmentation
from framecast_inference.pipeline import FrameOutcome
from framecast_inference.result_writer import field_of, frame_result, images_response, split_seconds, video_response
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.video_prediction import StreamedFrame
from tests.support.counting_runner import CountingRunner, loaded
from tests.support.result_messages import frame_result_message

MANIFEST = ModelBundle()
for number, name in ((1, "person"), (7, "Stra\u00dfenbahn"), (0, "")):
    MANIFEST.categories.add(id=number, name=name)
MODEL = loaded(CountingRunner(), manifest=MANIFEST)


def detections(seed: int, count: int, *, masks: bool) -> Prediction:
    rng = np.random.default_rng(seed)
    polygons = None
    if masks:
        canvas = np.zeros((count, 60, 80), dtype=bool)
        for plane in canvas:
            top, left = rng.integers(0, 40, 2)
            plane[top : top + rng.integers(1, 20), left : left + rng.integers(1, 40)] = True
            plane[top + 3 : top + 5, left + 3 : left + 5] = False
        found = framecast_core.binary_masks_to_polygons(canvas, rdp_thresholds=np.zeros(count, np.float32))
        polygons = Polygons(
            found.points, found.ring_splits, found.part_splits, found.instance_splits, found.areas, found.boxes
        )
    return Prediction(
        width=80,
        height=60,
        boxes=rng.uniform(0, 60, (count, 4)).astype(np.float32),
        scores=rng.random(count).astype(np.float32),
        class_indices=rng.integers(0, 3, count).astype(np.int32),
        polygons=polygons,
    )


def labels() -> Prediction:
    return Prediction(
        width=5, height=6, labels=np.array([2, 0], np.int32), label_scores=np.array([0.25, 0.0, 0.75], np.float32)
    )


def with_points_and_tracks() -> Prediction:
    rng = np.random.default_rng(4)
    keypoints = Keypoints(
        points=rng.uniform(0, 60, (3, 5, 2)).astype(np.float32), scores=rng.random((3, 5)).astype(np.float32)
    )
    return dataclasses.replace(
        detections(4, 3, masks=False), keypoints=keypoints, track_ids=np.array([4, 0, 2**40], np.int64)
    )


def label_map() -> Prediction:
    segmentation = Segmentation(
        lengths=np.array([7, 1, 20, 2], np.uint32),
        classes=np.array([2, -1, 0, 2], np.int32),
        areas=np.array([20, 0, 9], np.int64),
    )
    return Prediction(width=5, height=6, segmentation=segmentation)


def frame(time_s: Fraction | None = None, **fields: int) -> SourceFrame:
    return SourceFrame(image=np.zeros((1, 1, 3), np.uint8), time_s=time_s, **fields)  # type: ignore[arg-type]


OUTCOMES = [
    FrameOutcome(frame(index=0), detections(1, 0, masks=False)),
    FrameOutcome(frame(index=5, pts=-3, time_s=Fraction(-1, 3)), detections(2, 7, masks=False)),
    FrameOutcome(frame(index=9, time_s=Fraction(0)), detections(3, 20, masks=True)),
    FrameOutcome(frame(index=2**40, pts=2**50, time_s=Fraction(7, 3)), labels()),
    FrameOutcome(frame(index=4), with_points_and_tracks()),
    FrameOutcome(frame(index=4), label_map()),
    FrameOutcome(SourceFrame(index=3, error=InvalidArgumentError("broken", reason="IMAGE_TRUNCATED")), None),
]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_result_is_what_protobuf_writes(outcome: FrameOutcome) -> None:
    expected = frame_result_message(outcome, MANIFEST)
    assert frame_result(outcome, MODEL.categories) == expected.SerializeToString(deterministic=True)


def test_a_response_is_its_results_and_its_terms() -> None:
    terms = PredictImagesResponse(
        model=LoadedModel(model_version="m"), settings=InferenceSettings(confidence_threshold=0.5)
    )
    response = PredictImagesResponse.FromString(images_response(OUTCOMES, MODEL, terms))
    assert list(response.results) == [frame_result_message(outcome, MANIFEST) for outcome in OUTCOMES]
    assert (response.model, response.settings) == (terms.model, terms.settings)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_streamed_frame_has_its_result_and_progress(outcome: FrameOutcome) -> None:
    streamed = StreamedFrame(outcome, frames_done=4, resume_token="abc")
    expected = PredictVideoResponse(
        result=frame_result_message(outcome, MANIFEST),
        progress=PredictVideoResponse.Progress(frames_done=4, total_frames=9, resume_token="abc"),
    )
    assert video_response(streamed, MODEL, total_frames=9) == expected.SerializeToString(deterministic=True)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**21])
def test_fields_of_any_length_are_read_back(length: int) -> None:
    payload = b"a" * length
    assert LoadedModel.FromString(field_of(1, payload)).model_version == payload.decode()


@pytest.mark.parametrize(
    ("seconds", "whole", "nanos"),
    [
        (Fraction(0), 0, 0),
        (Fraction(1, 3), 0, 333333333),
        (Fraction(2, 3), 0, 666666667),
        (Fraction(1) - Fraction(1, 10**12), 1, 0),
        (Fraction(-3, 2), -1, -500000000),
        (Fraction(455808, 11456), 39, 787709497),
    ],
)
def test_times_are_rounded_to_nanoseconds(seconds: Fraction, whole: int, nanos: int) -> None:
    assert split_seconds(seconds) == (whole, nanos)


def test_an_error_travels_as_a_status_with_one_error_info() -> None:
    error = InvalidArgumentError("cat.png is truncated", reason="IMAGE_TRUNCATED", field="images[3]", image="cat.png")
    outcome = FrameOutcome(SourceFrame(index=3, error=error), None)
    result = FrameResult.FromString(frame_result(outcome, MODEL.categories))
    assert result.frame_index == 3
    assert result.WhichOneof("outcome") == "error"
    assert not result.HasField("presentation_time")
    infos = [detail for detail in result.error.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    assert len(infos) == 1
    again = from_status(result.error)
    assert (again.message, again.reason, again.metadata) == (error.message, error.reason, error.metadata)
