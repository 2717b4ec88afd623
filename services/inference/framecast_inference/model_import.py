"""Models that were trained elsewhere become versions like any other."""

import uuid

import numpy as np

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.outside_model import build_outside_bundle
from framecast_bundle.settings import effective_settings
from framecast_inference.ports import Blobs, BundleRunner, Registry

_GRAY = np.full((96, 128, 3), 127, dtype=np.uint8)


class ModelImport:
    def __init__(self, registry: Registry, blobs: Blobs, loader: BundleRunner) -> None:
        self._registry = registry
        self._blobs = blobs
        self._loader = loader

    def run(self, *, model: str, descriptor: str, graph: str, request_id: str) -> ModelVersion:
        """Registers a stored ONNX file as a version that is TRAINED, once it has answered for a gray picture.

        Bytes are written first, the record that points to them last. Raises InvalidArgumentError naming the key of the
        descriptor; FailedPreconditionError for a graph that does not load or run; NotFoundError for an unknown blob.
        """
        ids, blob = names.MODEL.parse(model, field="model"), names.BLOB.parse(graph, field="graph")
        names.check_id(ids["model"], field="model")
        if ids["project"] != blob["project"]:
            raise InvalidArgumentError(
                f"graph belongs to project {blob['project']!r}, the model to {ids['project']!r}; upload it there",
                reason="PROJECT_MISMATCH",
                field="graph",
                value=graph,
            )
        self._registry.blob_size(graph)
        manifest = build_outside_bundle(descriptor.encode(), self._blobs.read(blob["sha256"]))
        self._prove(model, manifest)
        bundle_sha256 = self._blobs.write(bundle_manifest.to_json(manifest))
        return self._registry.add_trained_version(
            model, manifest, bundle_sha256, request_id=request_id or uuid.uuid4().hex
        )

    def _prove(self, model: str, manifest: ModelBundle) -> None:
        loaded = self._loader.load_bundle(model, "", manifest)
        try:
            settings = effective_settings(InferenceSettings(), manifest)
            loaded.runner.run(loaded.runner.prepare([_GRAY]), [settings])
        finally:
            loaded.close()
