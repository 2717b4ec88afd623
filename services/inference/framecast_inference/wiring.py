"""The service's parts list."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc

from framecast.errors import InvalidArgumentError
from framecast.transport import open_channel
from framecast.v1 import inference_job_service_pb2, inference_service_pb2
from framecast_bundle.engines.onnx_session import DEVICES, Device
from framecast_bundle.engines.open_engine import EngineOptions
from framecast_bundle.engines.precision import PRECISIONS, Precision
from framecast_inference.adapters.bundle_loader import BundleLoader
from framecast_inference.adapters.grpc_registry import GrpcRegistry
from framecast_inference.adapters.spool_folder import SpoolFolder
from framecast_inference.adapters.stored_blobs import StoredBlobs
from framecast_inference.frame_sources import FrameSources
from framecast_inference.image_embedding import ImageEmbedding
from framecast_inference.image_prediction import ImagePrediction
from framecast_inference.jobs.background import BackgroundJobs, NoBackgroundJobs
from framecast_inference.jobs.wiring import build_jobs
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.loaded_models import LoadedModels
from framecast_inference.model_cache import ModelCache
from framecast_inference.model_import import ModelImport
from framecast_inference.model_meter import ModelMeters, measured_load
from framecast_inference.open_inference.inference import Inference
from framecast_inference.open_inference.model_catalog import ModelCatalog
from framecast_inference.open_inference.picture_inference import PictureInference
from framecast_inference.open_inference.repository import Repository
from framecast_inference.open_inference.servicer import OpenInferenceServicer
from framecast_inference.open_inference.statistics import Statistics
from framecast_inference.open_inference.tensor_inference import TensorInference
from framecast_inference.preload import Preload, parse_preload_list
from framecast_inference.served_versions import ServedVersions
from framecast_inference.servicer import InferenceServicer
from framecast_inference.settings import InferenceSettings
from framecast_inference.sources.video_layout import VideoLayouts
from framecast_runtime import metric_names
from framecast_runtime.metrics import Metrics
from framecast_runtime.object_store import open_object_store
from framecast_runtime.serialised import add_servicer
from framecast_runtime.server import GrpcServer
from framecast_runtime.tracing import open_tracing


@dataclass(frozen=True, eq=False)
class InferenceService:
    """A server ready to start, and what must be closed behind it."""

    server: GrpcServer
    models: ModelCache[LoadedModel]
    spool: SpoolFolder
    channel: grpc.Channel
    served: ServedVersions
    preload: Preload
    jobs: BackgroundJobs | NoBackgroundJobs

    def close(self) -> None:
        """Frees models, spooled files, database and the registry's channel; the server has stopped."""
        self.preload.stop()
        self.jobs.close()
        self.served.close()
        self.models.close()
        self.spool.close()
        self.channel.close()


def build(settings: InferenceSettings) -> InferenceService:
    """Puts the service together. Raises InvalidArgumentError for a setting that makes no sense."""
    spool = SpoolFolder(Path(settings.spool_folder), max_upload_bytes=settings.max_upload_bytes)
    channel = open_channel(settings.registry_address)
    registry = GrpcRegistry(channel)
    objects = open_object_store(settings.object_store_url)
    blobs = StoredBlobs(objects, spool.path)
    engine = _engine(settings)
    metrics = Metrics()
    loader = BundleLoader(registry, blobs, engine=engine, meters=ModelMeters(metrics), batching=_batching(settings))
    models = ModelCache(
        measured_load(loader.load, metrics),
        max_models=settings.max_loaded_models,
        max_bytes=settings.max_loaded_bytes,
    )
    metrics.gauge(metric_names.MODELS_LOADED, read=lambda: len(models.loaded()))
    metrics.gauge(metric_names.MODELS_LOADED_BYTES, read=lambda: models.memory_bytes)
    served = ServedVersions(models, registry)
    preload = Preload(served, parse_preload_list(settings.preload_models))
    sources = FrameSources(registry, blobs, spool, VideoLayouts())
    images = ImagePrediction(sources.pictures)
    servicer = InferenceServicer(
        LoadedModels(models, served),
        images,
        ImageEmbedding(images),
        sources,
        ModelImport(registry, blobs, device=_import_device(engine.device), threads=engine.threads),
    )

    def register(server: grpc.Server) -> str:
        return add_servicer(server, inference_service_pb2.DESCRIPTOR.services_by_name["InferenceService"], servicer)

    job_servicer, background = build_jobs(settings, registry, blobs, objects, sources, models)

    def register_jobs(server: grpc.Server) -> str:
        service = inference_job_service_pb2.DESCRIPTOR.services_by_name["InferenceJobService"]
        return add_servicer(server, service, job_servicer)

    statistics = Statistics()
    catalog = ModelCatalog(registry, registry, blobs, models, served, statistics)
    open_inference = OpenInferenceServicer(
        Inference(catalog, TensorInference(models), PictureInference(models, images)),
        catalog,
        Repository(catalog, models, served, statistics),
        ready=lambda: preload.done,
    )

    server = GrpcServer(
        settings.listen_address,
        [register, register_jobs, open_inference.add_to],
        max_workers=settings.max_calls,
        max_streams=settings.max_streams,
        metrics=metrics,
        metrics_address=settings.metrics_address,
        tracing=open_tracing("inference", settings.trace_endpoint),
        prepare=preload.run,
    )
    return InferenceService(server, models, spool, channel, served, preload, background)


def _engine(settings: InferenceSettings) -> EngineOptions:
    for field, value, options in (
        ("device", settings.device, DEVICES),
        ("precision", settings.precision, PRECISIONS),
    ):
        if value not in options:
            raise InvalidArgumentError(
                f"FRAMECAST_{field.upper()} is {value!r}; it must be one of {', '.join(options)}",
                reason=f"{field.upper()}_UNKNOWN",
                field=field,
                value=value,
            )
    return EngineOptions(
        device=cast(Device, settings.device),
        threads=settings.threads or len(os.sched_getaffinity(0)),
        precision=cast(Precision, settings.precision),
        plan_folder=Path(settings.plan_folder) if settings.plan_folder else None,
    )


def _import_device(device: Device) -> Device:
    """A model is only tried out when it is imported: that is not worth compiling it."""
    return "cuda" if device in ("tensorrt", "tensorrt-native") else device


def _batching(settings: InferenceSettings) -> dict[str, int | float]:
    """What the operator sets of `BatchLimits`; the rest suits the device."""
    for field, value, least in (
        ("max_batch", settings.max_batch, 1),
        ("batch_wait_ms", settings.batch_wait_ms, 0),
        ("queue_size", settings.queue_size, 1),
    ):
        if value is not None and not value >= least:
            raise InvalidArgumentError(
                f"FRAMECAST_{field.upper()} is {value}; it must be at least {least}",
                reason="SETTING_OUT_OF_RANGE",
                field=field,
                value=value,
            )
    chosen: dict[str, int | float] = {"queue_size": settings.queue_size}
    if settings.max_batch is not None:
        chosen["max_batch"] = settings.max_batch
    if settings.batch_wait_ms is not None:
        chosen["max_wait_s"] = settings.batch_wait_ms / 1000
    return chosen
