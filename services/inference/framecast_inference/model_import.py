"""Models that were trained elsewhere become versions like any other."""

import uuid

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engines.onnx_session import Device
from framecast_bundle.outside_model import build_outside_bundle
from framecast_inference.ports import Blobs, Registry

MAX_GRAPH_BYTES = 2**31 - 1
"""No longer message can be read by protobuf, and an ONNX graph is one."""


class ModelImport:
    def __init__(self, registry: Registry, blobs: Blobs, *, device: Device, threads: int) -> None:
        self._registry = registry
        self._blobs = blobs
        self._device = device
        self._threads = threads

    def run(self, *, model: str, descriptor: str, graph: str, request_id: str) -> ModelVersion:
        """Registers a stored ONNX file as a version that is TRAINED, once it has answered for a gray picture.

        Bytes are written first, the record that points to them last. Raises InvalidArgumentError naming the key of the
        descriptor, or for a graph above 2 GiB; FailedPreconditionError for one that does not load or run; NotFoundError
        for an unknown blob.
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
        size_bytes = self._registry.blob_size(graph)
        if size_bytes > MAX_GRAPH_BYTES:
            raise InvalidArgumentError(
                f"graph has {size_bytes} bytes, an ONNX file at most {MAX_GRAPH_BYTES}; export it with fewer weights",
                reason="GRAPH_TOO_LARGE",
                field="graph",
                size_bytes=size_bytes,
                limit_bytes=MAX_GRAPH_BYTES,
            )
        manifest = build_outside_bundle(
            descriptor.encode(), self._blobs.read(blob["sha256"]), device=self._device, threads=self._threads
        )
        bundle_sha256 = self._blobs.write(bundle_manifest.to_json(manifest))
        return self._registry.add_trained_version(
            model, manifest, bundle_sha256, request_id=request_id or uuid.uuid4().hex
        )
