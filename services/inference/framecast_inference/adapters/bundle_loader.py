"""From a version's name to a model that runs: registry → manifest → graphs → engine."""

import threading
from collections.abc import Sequence
from typing import Any

from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engines.onnxruntime_engine import Device, OnnxRuntimeEngine
from framecast_bundle.prediction import Prediction
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.ports import Blobs, Registry
from framecast_inference.sources.source_frame import Image

# A CPU gains nothing by larger batches, and a picture alone is the least to wait for.
_MAX_BATCH = {"CPUExecutionProvider": 1, "CUDAExecutionProvider": 8}


class BundleLoader:
    """Calls may come from several threads at once."""

    def __init__(self, registry: Registry, blobs: Blobs, *, device: Device, threads: int) -> None:
        self._registry = registry
        self._blobs = blobs
        self._device = device
        self._threads = threads

    def load(self, model_version: str) -> LoadedModel:
        """Loads a version, every byte checked against its digest.

        Raises NotFoundError, FailedPreconditionError for a version that is not TRAINED or a device that is missing,
        DataLossError for bytes that are missing or damaged, InvalidArgumentError for a bundle that does not hold
        together.
        """
        sha256 = self._registry.trained_bundle(model_version)
        manifest = bundle_manifest.from_json(self._blobs.read(sha256))
        digests = {file.path: file.sha256 for file in manifest.files}
        engine = OnnxRuntimeEngine(
            manifest, lambda path: self._blobs.read(digests[path]), device=self._device, threads=self._threads
        )
        max_batch = _MAX_BATCH.get(engine.name, 1)
        return LoadedModel(
            name=model_version,
            bundle_sha256=sha256,
            manifest=manifest,
            runner=_OneAtATime(Predictor(manifest, engine, max_batch=max_batch)),
            engine=engine.name,
            max_batch=max_batch,
        )


class _OneAtATime:
    """Runs one batch of a model after the other: two at once share the same cores, and their memory adds up."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._running = threading.Lock()

    def prepare(self, images: Sequence[Image]) -> Any:
        return self._predictor.prepare(images)

    def run(self, prepared: Any, settings: Sequence[Settings]) -> list[Prediction]:
        with self._running:
            return self._predictor.run(prepared, settings)

    def close(self) -> None:
        self._predictor.close()
