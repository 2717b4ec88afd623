"""The registry, over gRPC."""

import grpc

from framecast import names
from framecast.errors import FailedPreconditionError
from framecast.v1 import blob_service_pb2, blob_service_pb2_grpc, registry_service_pb2, registry_service_pb2_grpc
from framecast.v1.asset_pb2 import Asset
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion


class GrpcRegistry:
    """Calls the registry on a channel of `framecast.transport.open_channel`, whose errors are ours already."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._registry = registry_service_pb2_grpc.RegistryServiceStub(channel)
        self._blobs = blob_service_pb2_grpc.BlobServiceStub(channel)

    def trained_bundle(self, model_version: str) -> str:
        """See `Registry.trained_bundle`."""
        version = self._registry.GetModelVersion(registry_service_pb2.GetModelVersionRequest(name=model_version))
        if version.state != ModelVersion.TRAINED:
            raise _not_trained(version)
        return names.BLOB.parse(version.bundle, field="bundle")["sha256"]

    def asset(self, name: str) -> Asset:
        """See `Registry.asset`."""
        return self._registry.GetAsset(registry_service_pb2.GetAssetRequest(name=name))

    def blob_size(self, name: str) -> int:
        """See `Registry.blob_size`."""
        return self._blobs.GetBlob(blob_service_pb2.GetBlobRequest(name=name)).size_bytes

    def add_trained_version(
        self, model: str, manifest: ModelBundle, bundle_sha256: str, *, request_id: str
    ) -> ModelVersion:
        """See `Registry.add_trained_version`. Repeating it with the same `request_id` gives the same version."""
        return self._registry.CreateModelVersion(
            registry_service_pb2.CreateModelVersionRequest(
                parent=model,
                model_version=ModelVersion(architecture=manifest.architecture, task=manifest.task),
                allow_missing=True,
                bundle=names.BLOB.format(project=names.MODEL.parse(model)["project"], sha256=bundle_sha256),
                request_id=request_id,
            )
        )


def _not_trained(version: ModelVersion) -> FailedPreconditionError:
    state = ModelVersion.State.Name(version.state)
    what_to_do = "it failed; train another version" if version.state == ModelVersion.FAILED else "wait until it is"
    why = f" ({version.error.message})" if version.error.message else ""
    return FailedPreconditionError(
        f"{version.name} is {state}{why}, not TRAINED: {what_to_do}",
        reason="MODEL_VERSION_NOT_TRAINED",
        model_version=version.name,
        state=state,
    )
