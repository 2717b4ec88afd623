"""From a version's name to a model that runs: registry → manifest → graphs → engine."""

import dataclasses
import threading
from collections.abc import Mapping
from typing import Any

from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engines.open_engine import EngineOptions, open_engine
from framecast_bundle.predictor import Predictor
from framecast_inference import process_memory
from framecast_inference.batching.batcher import Batcher, BatchLimits
from framecast_inference.engine_clock import EngineClock
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_meter import ModelMeters
from framecast_inference.own_thread import in_own_thread
from framecast_inference.ports import Blobs, Registry
from framecast_inference.warm_up import tensor_size, warm_up

_LIMITS: Mapping[str, BatchLimits] = {
    # Two runs at once would share the same cores, and a picture alone is the least to wait for.
    "CPUExecutionProvider": BatchLimits(max_batch=1),
}
# While one batch is on the device, the next is uploaded and the answer of another is decoded.
_GPU_LIMITS = BatchLimits(max_batch=8, max_wait_s=0.002, max_running=2)


class BundleLoader:
    """Calls may come from several threads at once."""

    def __init__(
        self,
        registry: Registry,
        blobs: Blobs,
        *,
        engine: EngineOptions,
        meters: ModelMeters,
        batching: Mapping[str, Any] | None = None,
    ) -> None:
        """`batching` has fields of `BatchLimits` that replace what suits the device."""
        self._registry = registry
        self._blobs = blobs
        self._batching = dict(batching or {})
        self._engine = dataclasses.replace(engine, max_batch=self._limits("").max_batch)
        self._meters = meters
        self._one_at_a_time = threading.Lock()
        """So that what a model takes of the memory can be told from what others take."""

    def load(self, model_version: str) -> LoadedModel:
        """Loads a version, every byte checked against its digest, and runs each batch size once.

        Raises NotFoundError, FailedPreconditionError for a version that is not TRAINED or a device that is missing,
        DataLossError for bytes that are missing or damaged, InvalidArgumentError for a bundle that does not hold
        together.
        """
        return in_own_thread(lambda: self._load(model_version), name="framecast-load")

    def _load(self, model_version: str) -> LoadedModel:
        sha256 = self._registry.trained_bundle(model_version)
        manifest = bundle_manifest.from_json(self._blobs.read(sha256))
        digests = {file.path: file.sha256 for file in manifest.files}
        with self._one_at_a_time:
            before = process_memory.allocated_bytes()
            engine = open_engine(manifest, lambda path: self._blobs.read(digests[path]), self._engine)
            try:
                limits = self._limits(engine.name)
                clock = EngineClock()
                predictor = Predictor(manifest, clock.engine(engine), max_batch=limits.max_batch)
                buffer = engine.host_buffer((limits.max_batch, 3, *tensor_size(predictor, manifest)))
                warm_up(predictor, manifest, buffer)
            except BaseException:
                engine.close()
                raise
            taken = process_memory.allocated_bytes() - before
        meter = self._meters.open(model_version, clock)
        batcher = Batcher(clock.run(predictor.infer), limits, observe=meter.batch_ran, allocate=engine.host_buffer)
        batcher.adopt(buffer)
        meter.watch_queue(lambda: batcher.queued)
        return LoadedModel(
            name=model_version,
            bundle_sha256=sha256,
            manifest=manifest,
            runner=predictor,
            batcher=batcher,
            meter=meter,
            graphs=engine,
            engine=engine.name,
            precision=engine.precision,
            fallback=engine.fallback,
            # Others free memory meanwhile, too; less than its files it cannot be.
            memory_bytes=max(taken, sum(file.size_bytes for file in manifest.files)),
        )

    def _limits(self, engine: str) -> BatchLimits:
        return dataclasses.replace(_LIMITS.get(engine, _GPU_LIMITS), **self._batching)
