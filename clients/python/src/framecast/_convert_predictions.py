"""Predictions between the wire and what users see."""

from fractions import Fraction

import numpy as np

from framecast._convert_datasets import (
    SUBSETS_BACK,
    category_from_proto,
    keypoint_from_proto,
    polygon_from_proto,
    time_from_proto,
)
from framecast._convert_models import task_from_proto
from framecast._convert_settings import schema_from_proto, settings_from_proto
from framecast._dataset_types import RunLengthMask
from framecast._inference_job_types import InferenceProgress, InferenceUpdate
from framecast._prediction_set_types import PredictionSet
from framecast._prediction_types import (
    FrameResult,
    Instances,
    Label,
    LoadedModel,
    Prediction,
    Segment,
    Segmentation,
    StreamInfo,
)
from framecast._training_types import JobState
from framecast.status import from_status
from framecast.v1 import frame_result_pb2, inference_job_pb2, inference_service_pb2, prediction_set_pb2


def frame_result_from_proto(message: frame_result_pb2.FrameResult) -> FrameResult:
    """A frame's result as users see it."""
    has_time = message.HasField("presentation_time")
    return FrameResult(
        frame_index=message.frame_index,
        time=message.presentation_time.ToNanoseconds() / 1e9 if has_time else None,
        pts=message.pts,
        prediction=_prediction(message.prediction) if message.HasField("prediction") else None,
        error=from_status(message.error) if message.HasField("error") else None,
        asset=message.asset,
        source_index=message.source_index,
    )


def loaded_model_from_proto(message: inference_service_pb2.LoadedModel) -> LoadedModel:
    """A loaded model as users see it."""
    return LoadedModel(
        model_version=message.model_version,
        bundle_sha256=message.bundle_sha256,
        task=task_from_proto(message.task),
        architecture=message.architecture,
        categories=tuple(category_from_proto(category) for category in message.categories),
        engine=message.engine,
        default_settings=settings_from_proto(message.default_settings),
        input_width=message.input_width,
        input_height=message.input_height,
        embedding_size=message.embedding_size,
        settings=tuple(schema_from_proto(schema) for schema in message.settings),
        state=message.State.Name(message.state).lower() if message.state else "",
        precision=message.precision,
        fallback=message.fallback,
        memory_bytes=message.memory_bytes,
        max_batch=message.max_batch,
        active_calls=message.active_calls,
        load_time=time_from_proto(message.load_time) if message.HasField("load_time") else None,
        last_use_time=time_from_proto(message.last_use_time) if message.HasField("last_use_time") else None,
        served=message.served,
        held=message.held,
    )


def stream_info_from_proto(header: inference_service_pb2.PredictVideoResponse.Header) -> StreamInfo:
    """The terms of a stream as users see them."""
    return StreamInfo(
        model=loaded_model_from_proto(header.model),
        settings=settings_from_proto(header.settings),
        width=header.width,
        height=header.height,
        time_base=Fraction(header.time_base_numerator, header.time_base_denominator or 1),
        total_frames=header.total_frames,
        video_frames=header.video_frames,
        fps=header.average_frame_rate or None,
    )


def inference_update_from_proto(message: inference_job_pb2.InferenceJob) -> InferenceUpdate:
    """An inference job as users see it."""
    return InferenceUpdate(
        name=message.name,
        state=JobState[inference_job_pb2.InferenceJob.State.Name(message.state)],
        model_version=message.model_version,
        settings=settings_from_proto(message.settings),
        progress=InferenceProgress(
            phase=message.progress.phase,
            frames_done=message.progress.frames_done,
            total_frames=message.progress.total_frames,
            failed_frames=message.progress.failed_frames,
            result_bytes=message.progress.result_bytes,
        ),
        dataset_version=message.dataset_version,
        prediction_set=message.prediction_set,
        bundle_sha256=message.bundle_sha256,
        create_time=time_from_proto(message.create_time),
        start_time=time_from_proto(message.start_time) if message.HasField("start_time") else None,
        end_time=time_from_proto(message.end_time) if message.HasField("end_time") else None,
        error=from_status(message.error) if message.HasField("error") else None,
    )


def prediction_set_from_proto(message: prediction_set_pb2.PredictionSet) -> PredictionSet:
    """Recorded predictions as users see them."""
    return PredictionSet(
        name=message.name,
        model_version=message.model_version,
        bundle_sha256=message.bundle_sha256,
        subset=SUBSETS_BACK.get(message.subset),
        settings=settings_from_proto(message.settings),
        inference_job=message.inference_job,
        result_count=message.result_count,
        failed_count=message.failed_count,
        instance_count=message.instance_count,
        size_bytes=message.size_bytes,
        create_time=time_from_proto(message.create_time),
    )


def _prediction(message: frame_result_pb2.Prediction) -> Prediction:
    found = message.instances
    boxes = [(i.box.x_min, i.box.y_min, i.box.x_max, i.box.y_max) for i in found]
    instances = Instances(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([i.score for i in found], np.float32),
        category_ids=np.array([i.category_id for i in found], np.int32),
        names=tuple(i.category for i in found),
        polygons=tuple(tuple(polygon_from_proto(polygon) for polygon in i.polygons) for i in found),
        keypoints=tuple(tuple(keypoint_from_proto(point) for point in i.keypoints) for i in found),
        mask_areas=np.array([i.mask_area for i in found], np.int64),
        masks=tuple(map(_mask, found)) if any(i.HasField("mask") for i in found) else (),
        logits=np.array([i.logits for i in found], np.float32) if any(i.logits for i in found) else None,
        track_ids=np.array([i.track_id for i in found], np.int64) if any(i.track_id for i in found) else None,
    )
    labels = tuple(Label(label.category_id, label.category, label.score) for label in message.labels)
    return Prediction(
        message.width,
        message.height,
        instances,
        labels,
        logits=np.array(message.logits, np.float32) if message.logits else None,
        debug_picture=message.debug_picture.data or None,
        segmentation=_segmentation(message.segmentation) if message.HasField("segmentation") else None,
    )


def _segmentation(message: frame_result_pb2.Segmentation) -> Segmentation:
    pixels = max(1, message.width * message.height)
    return Segmentation(
        width=message.width,
        height=message.height,
        segments=tuple(
            Segment(segment.category_id, segment.category, segment.area, segment.area / pixels)
            for segment in message.segments
        ),
        run_lengths=np.array(message.run_lengths, np.uint32),
        run_segments=np.array(message.run_segments, np.uint32),
    )


def _mask(instance: frame_result_pb2.Instance) -> RunLengthMask | None:
    mask = instance.mask
    return RunLengthMask(mask.width, mask.height, tuple(mask.counts)) if instance.HasField("mask") else None
