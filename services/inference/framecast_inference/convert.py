"""Between messages and what the use cases speak of."""

from collections.abc import Iterator, Sequence

from framecast.errors import InvalidArgumentError
from framecast.status import to_status
from framecast.v1 import inference_service_pb2 as messages
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_bundle.settings import Settings, effective_settings, setting_schemas
from framecast_inference.batching.batcher import Priority
from framecast_inference.frame_sources import FrameSource, FrameSources
from framecast_inference.image_embedding import Embeddings, MissingPatches
from framecast_inference.image_prediction import ImageInput
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.loaded_models import MemoryRow
from framecast_inference.model_cache import ModelState
from framecast_inference.patches import Box, PatchRule
from framecast_inference.video_prediction import StreamTerms

_PRIORITIES = {messages.PRIORITY_INTERACTIVE: Priority.INTERACTIVE, messages.PRIORITY_BULK: Priority.BULK}

_MISSING = {
    messages.EmbedImagesRequest.MISSING_PATCHES_UNSPECIFIED: MissingPatches.SKIP,
    messages.EmbedImagesRequest.SKIP: MissingPatches.SKIP,
    messages.EmbedImagesRequest.WHOLE_IMAGE: MissingPatches.WHOLE_IMAGE,
    messages.EmbedImagesRequest.ERROR: MissingPatches.ERROR,
}

_STATES = {
    ModelState.LOADING: messages.LoadedModel.LOADING,
    ModelState.READY: messages.LoadedModel.READY,
    ModelState.LEAVING: messages.LoadedModel.LEAVING,
}


def image_inputs(images: Sequence[messages.ImageSource]) -> list[ImageInput]:
    """The pictures of a request; one without bytes and asset stays an empty file."""
    return [ImageInput(data=image.data, asset=image.asset, display_name=image.display_name) for image in images]


def loaded_model_to_proto(model: LoadedModel) -> messages.LoadedModel:
    """What a caller may know of a model in memory."""
    manifest = model.manifest
    return messages.LoadedModel(
        model_version=model.name,
        bundle_sha256=model.bundle_sha256,
        task=manifest.task,
        architecture=manifest.architecture,
        categories=manifest.categories,
        engine=model.engine,
        default_settings=effective_settings(InferenceSettings(), manifest).to_proto(),
        input_width=manifest.input.width,
        input_height=manifest.input.height,
        embedding_size=model.embedding_size,
        precision=model.precision,
        fallback=model.fallback,
    )


def memory_row_to_proto(row: MemoryRow) -> messages.LoadedModel:
    """A model as the list of those in memory has it; of one that is loading, hardly more than the name."""
    message = messages.LoadedModel(model_version=row.name)
    model = row.cached.model
    if model is not None:
        message = loaded_model_to_proto(model)
        message.settings.extend(setting_schemas(model.manifest))
        message.memory_bytes = model.memory_bytes
        message.max_batch = model.max_batch
    message.state = _STATES[row.cached.state]
    message.active_calls = row.active_calls
    message.load_time.FromNanoseconds(int(row.cached.load_time_s * 1e9))
    message.last_use_time.FromNanoseconds(int(row.cached.last_use_time_s * 1e9))
    message.served = row.served
    message.held = row.held
    return message


def images_terms_to_proto(model: LoadedModel, settings: Settings) -> messages.PredictImagesResponse:
    """The answer for some pictures, but for the results."""
    return messages.PredictImagesResponse(model=loaded_model_to_proto(model), settings=settings.to_proto())


def header_to_proto(terms: StreamTerms, model: LoadedModel, settings: Settings) -> messages.PredictVideoResponse:
    """The first message of a video's stream."""
    facts = terms.facts
    return messages.PredictVideoResponse(
        header=messages.PredictVideoResponse.Header(
            model=loaded_model_to_proto(model),
            settings=settings.to_proto(),
            width=facts.width,
            height=facts.height,
            time_base_numerator=facts.time_base.numerator if facts.time_base else 0,
            time_base_denominator=facts.time_base.denominator if facts.time_base else 1,
            total_frames=terms.total_frames,
            video_frames=facts.frame_count,
            average_frame_rate=float(facts.average_frame_rate),
        )
    )


def video_source(request: messages.PredictVideoRequest, sources: FrameSources) -> FrameSource:
    """What `PredictVideo` looks at. Raises InvalidArgumentError unless there is exactly one source."""
    if bool(request.asset) == request.HasField("image_group"):
        raise InvalidArgumentError(
            "set either asset, a stored video, or image_group, stored pictures",
            reason="SOURCE_COUNT",
            field="asset",
        )
    return sources.group(request.image_group.assets) if not request.asset else sources.video(request.asset)


def priority(wanted: "messages.Priority.ValueType", default: Priority) -> Priority:
    """Who goes first; unspecified: `default`."""
    return _PRIORITIES.get(wanted, default)


def upload_request(requests: Iterator[messages.PredictVideoUploadRequest]) -> messages.PredictVideoRequest:
    """The first message of an upload; the rest stays in the iterator."""
    first = next(requests, None)
    if first is None or first.WhichOneof("payload") != "request":
        raise InvalidArgumentError(
            "the first message must hold `request`, the next ones `chunk`", reason="UPLOAD_ORDER", field="request"
        )
    if first.request.asset or first.request.HasField("image_group"):
        raise InvalidArgumentError(
            "asset and image_group must be empty where the video is uploaded; use PredictVideo for what is stored",
            reason="ASSET_NOT_ALLOWED",
            field="request.asset",
            value=first.request.asset,
        )
    return first.request


def upload_chunks(requests: Iterator[messages.PredictVideoUploadRequest]) -> Iterator[bytes]:
    """The bytes of an upload, behind its first message."""
    for message in requests:
        if message.WhichOneof("payload") != "chunk":
            raise InvalidArgumentError(
                "every message behind the first one must hold `chunk`", reason="UPLOAD_ORDER", field="chunk"
            )
        yield message.chunk


def patches(request: messages.EmbedImagesRequest) -> list[list[Box]] | None:
    """The boxes of each picture; None where whole pictures are asked for."""
    if not request.patches:
        return None
    return [[(box.x_min, box.y_min, box.x_max, box.y_max) for box in each.boxes] for each in request.patches]


def patch_rule(request: messages.EmbedImagesRequest) -> PatchRule:
    """How boxes become patches. Raises InvalidArgumentError for a margin that is none."""
    return PatchRule(margin=request.patch_margin, square=request.square_patches)


def missing_patches(request: messages.EmbedImagesRequest) -> MissingPatches:
    """What a picture without patches gives. Raises InvalidArgumentError for a value that this release does not know."""
    found = _MISSING.get(request.missing_patches)
    if found is None:
        raise InvalidArgumentError(
            f"missing_patches is {request.missing_patches}; it must be SKIP, WHOLE_IMAGE or ERROR",
            field="missing_patches",
            value=request.missing_patches,
        )
    return found


def embeddings_to_proto(found: Embeddings, model: LoadedModel) -> messages.EmbedImagesResponse:
    """The answer for some pictures or patches."""
    response = messages.EmbedImagesResponse(
        dimension=found.vectors.shape[1],
        vectors=found.vectors.astype("<f4").tobytes(),
        model=loaded_model_to_proto(model),
    )
    for row in found.rows:
        source = response.rows.add(image=row.image, box=row.box)
        if row.error is not None:
            source.error.CopyFrom(to_status(row.error))
    return response
