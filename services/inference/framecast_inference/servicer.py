"""Translates between the wire and the use cases; decides nothing."""

import math
import time
from collections.abc import Iterator

import grpc

from framecast.errors import CancelledError
from framecast.v1 import inference_service_pb2 as messages
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle.settings import effective_settings
from framecast_inference import convert, convert_live
from framecast_inference.batching.batcher import Priority
from framecast_inference.frame_sources import FrameSource, FrameSources
from framecast_inference.image_embedding import ImageEmbedding
from framecast_inference.image_prediction import ImagePrediction
from framecast_inference.live_prediction import stream_live
from framecast_inference.loaded_models import LoadedModels
from framecast_inference.model_import import ModelImport
from framecast_inference.result_writer import images_response, live_response, video_response
from framecast_inference.resume_point import version_of
from framecast_inference.video_prediction import stream_frames


class InferenceServicer:
    """`framecast.v1.InferenceService`; results leave as bytes, so it is registered by `add_servicer`."""

    def __init__(
        self,
        models: LoadedModels,
        images: ImagePrediction,
        embedding: ImageEmbedding,
        sources: FrameSources,
        model_import: ModelImport,
    ) -> None:
        self._models = models
        self._images = images
        self._embedding = embedding
        self._sources = sources
        self._import = model_import

    def LoadModelVersion(
        self, request: messages.LoadModelVersionRequest, context: grpc.ServicerContext
    ) -> messages.LoadedModel:
        return convert.memory_row_to_proto(self._models.load(request.model_version))

    def UnloadModelVersion(
        self, request: messages.UnloadModelVersionRequest, context: grpc.ServicerContext
    ) -> messages.UnloadModelVersionResponse:
        return messages.UnloadModelVersionResponse(unloaded=self._models.unload(request.model_version))

    def ServeModelVersion(
        self, request: messages.ServeModelVersionRequest, context: grpc.ServicerContext
    ) -> messages.LoadedModel:
        return convert.memory_row_to_proto(self._models.serve(request.model_version))

    def ListLoadedModels(
        self, request: messages.ListLoadedModelsRequest, context: grpc.ServicerContext
    ) -> messages.ListLoadedModelsResponse:
        rows, next_page_token = self._models.list(request.page_size, request.page_token)
        return messages.ListLoadedModelsResponse(
            loaded_models=map(convert.memory_row_to_proto, rows),
            next_page_token=next_page_token,
            memory_bytes=self._models.memory_bytes,
            memory_budget_bytes=self._models.memory_budget_bytes,
        )

    def PredictImages(self, request: messages.PredictImagesRequest, context: grpc.ServicerContext) -> bytes:
        with self._models.lease(request.model_version) as model:
            settings = effective_settings(request.settings, model.manifest)
            inputs = convert.image_inputs(request.images)
            outcomes = self._images.predict(model, inputs, settings, context.add_callback, deadline=_deadline(context))
            return images_response(outcomes, model, convert.images_terms_to_proto(model, settings))

    def EmbedImages(
        self, request: messages.EmbedImagesRequest, context: grpc.ServicerContext
    ) -> messages.EmbedImagesResponse:
        with self._models.lease(request.model_version) as model:
            found = self._embedding.embed(
                model,
                convert.image_inputs(request.images),
                convert.patches(request),
                context.add_callback,
                rule=convert.patch_rule(request),
                missing=convert.missing_patches(request),
                normalize=request.normalize,
                deadline=_deadline(context),
            )
            return convert.embeddings_to_proto(found, model)

    def PredictVideo(
        self, request: messages.PredictVideoRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.PredictVideoResponse | bytes]:
        yield from self._predict_video(request, convert.video_source(request, self._sources), context)

    def PredictVideoUpload(
        self, request_iterator: Iterator[messages.PredictVideoUploadRequest], context: grpc.ServicerContext
    ) -> Iterator[messages.PredictVideoResponse | bytes]:
        request = convert.upload_request(request_iterator)
        chunks = _whole(convert.upload_chunks(request_iterator), context)
        yield from self._predict_video(request, self._sources.uploaded(chunks), context)

    def ImportModelVersion(
        self, request: messages.ImportModelVersionRequest, context: grpc.ServicerContext
    ) -> ModelVersion:
        return self._import.run(
            model=request.model,
            descriptor=request.descriptor,
            graph=request.graph,
            request_id=request.request_id,
        )

    def StreamFrames(
        self, request_iterator: Iterator[messages.StreamFramesRequest], context: grpc.ServicerContext
    ) -> Iterator[messages.StreamFramesResponse | bytes]:
        start = convert_live.live_start(request_iterator)
        with self._models.lease(start.model_version) as model:
            settings = effective_settings(start.settings, model.manifest)
            arriving = convert_live.live_frames(
                request_iterator, settings, lambda asked: effective_settings(asked, model.manifest)
            )
            with stream_live(
                model,
                arriving,
                settings,
                context.add_callback,
                max_in_flight=start.max_in_flight,
                drop_oldest=start.overflow == messages.StreamFramesRequest.Start.OVERFLOW_DROP_OLDEST,
                priority=convert.priority(start.priority, Priority.INTERACTIVE),
                deadline=_deadline(context),
            ) as outcomes:
                yield convert_live.live_header_to_proto(model, settings, start.max_in_flight)
                for each in outcomes:
                    yield live_response(each.outcome, model, convert_live.taken_to_proto(each.taken))

    def _predict_video(
        self,
        request: messages.PredictVideoRequest,
        source: FrameSource,
        context: grpc.ServicerContext,
    ) -> Iterator[messages.PredictVideoResponse | bytes]:
        with self._models.lease(request.model_version, version=version_of(request.resume_token)) as model:
            settings = effective_settings(request.settings, model.manifest)
            with stream_frames(
                model,
                source,
                request.frame_range,
                settings,
                context.add_callback,
                priority=convert.priority(request.priority, Priority.BULK),
                resume_token=request.resume_token,
                deadline=_deadline(context),
            ) as (terms, frames):
                yield convert.header_to_proto(terms, model, settings)
                for frame in frames:
                    yield video_response(frame, model, total_frames=terms.total_frames)


def _deadline(context: grpc.ServicerContext) -> float:
    """When the caller stops waiting, as a time of `time.monotonic`."""
    remaining = context.time_remaining()
    return math.inf if remaining is None else time.monotonic() + remaining


def _whole(chunks: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    # For grpc a stream that breaks off ends like one that is complete.
    yield from chunks
    if not context.is_active():
        raise CancelledError("the caller gave the upload up")
