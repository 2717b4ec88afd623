"""The registry's stubs on one channel, with the calls that most tests need."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from framecast.transport import open_channel
from framecast.v1 import asset_pb2, blob_pb2, blob_service_pb2, dataset_pb2, registry_service_pb2
from framecast.v1.blob_service_pb2_grpc import BlobServiceStub
from framecast.v1.registry_service_pb2_grpc import RegistryServiceStub

PROJECT = "projects/default"


class RegistryApi:
    """`registry` and `blobs` are the plain stubs; they raise framecast's errors."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.channel = open_channel(address, timeout_s=20, retry=False)
        self.registry = RegistryServiceStub(self.channel)
        self.blobs = BlobServiceStub(self.channel)

    @contextmanager
    def plain_channel(self) -> Iterator[grpc.Channel]:
        """A channel of gRPC's own, for calls that are given up midway."""
        with grpc.insecure_channel(self._address) as channel:
            yield channel

    def __enter__(self) -> "RegistryApi":
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def create_upload(self, data: bytes, *, parent: str = PROJECT, request_id: str = "") -> blob_pb2.Upload:
        """An upload for these bytes, nothing sent yet."""
        upload = blob_pb2.Upload(size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        request = blob_service_pb2.CreateUploadRequest(parent=parent, upload=upload, request_id=request_id)
        return self.blobs.CreateUpload(request)

    def write(self, name: str, data: bytes, *, start: int = 0, chunk: int = 1_000_000) -> blob_pb2.Upload:
        """Sends `data` from `start` to its end."""
        return self.blobs.WriteUpload(iter(write_requests(name, data, start=start, chunk=chunk)))

    def put(self, data: bytes, *, parent: str = PROJECT) -> blob_pb2.Blob:
        """A blob with these bytes, at most 3 MiB."""
        sha256 = hashlib.sha256(data).hexdigest()
        return self.blobs.PutBlob(blob_service_pb2.PutBlobRequest(parent=parent, sha256=sha256, data=data))

    def create_asset(self, data: bytes, display_name: str, *, parent: str = PROJECT) -> asset_pb2.Asset:
        """An asset with these bytes, sent by an upload."""
        upload = self.create_upload(data, parent=parent)
        if not upload.blob:
            upload = self.write(upload.name, data)
        return self.registry.CreateAsset(
            registry_service_pb2.CreateAssetRequest(
                parent=parent, blob=upload.blob, asset=asset_pb2.Asset(display_name=display_name)
            )
        )

    def create_dataset_version(
        self,
        parent: str,
        categories: Iterable[Any],
        items: Iterable[dataset_pb2.DatasetItem],
        *,
        per_message: int = 100,
        **first: Any,
    ) -> dataset_pb2.DatasetVersion:
        """A version with these items; `first` are further fields of the first message."""
        version = dataset_pb2.DatasetVersion(categories=categories)
        rows = list(items)
        fields = {"allow_missing": True, "item_count": len(rows), **first}
        messages = [registry_service_pb2.CreateDatasetVersionRequest(parent=parent, dataset_version=version, **fields)]
        for start in range(0, len(rows), per_message):
            messages.append(registry_service_pb2.CreateDatasetVersionRequest(items=rows[start : start + per_message]))
        return self.registry.CreateDatasetVersion(iter(messages))


def write_requests(
    name: str, data: bytes, *, start: int = 0, chunk: int = 1_000_000
) -> Iterable[blob_service_pb2.WriteUploadRequest]:
    """The messages that send `data` from `start` to its end; one without data where nothing is left."""
    for offset in range(start, max(len(data), start + 1), chunk):
        yield blob_service_pb2.WriteUploadRequest(name=name, offset_bytes=offset, data=data[offset : offset + chunk])
