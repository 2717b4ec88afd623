"""BlobService on the wire."""

from collections.abc import Iterator

import grpc

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast.v1 import blob_pb2, blob_service_pb2, blob_service_pb2_grpc
from framecast_registry import convert
from framecast_registry.blobs import Blobs
from framecast_registry.uploads import Uploads

_Requests = Iterator[blob_service_pb2.WriteUploadRequest]


class BlobServicer(blob_service_pb2_grpc.BlobServiceServicer):
    """Translates between the wire and the use cases; decides nothing."""

    def __init__(self, blobs: Blobs, uploads: Uploads) -> None:
        self._blobs = blobs
        self._uploads = uploads

    def FindMissingBlobs(
        self, request: blob_service_pb2.FindMissingBlobsRequest, context: grpc.ServicerContext
    ) -> blob_service_pb2.FindMissingBlobsResponse:
        project = names.PROJECT.parse(request.parent, field="parent")["project"]
        missing = self._blobs.missing(project, list(request.sha256s))
        return blob_service_pb2.FindMissingBlobsResponse(missing_sha256s=missing)

    def PutBlob(self, request: blob_service_pb2.PutBlobRequest, context: grpc.ServicerContext) -> blob_pb2.Blob:
        project = names.PROJECT.parse(request.parent, field="parent")["project"]
        return convert.blob_to_proto(self._blobs.put(project, request.sha256, request.data))

    def CreateUpload(
        self, request: blob_service_pb2.CreateUploadRequest, context: grpc.ServicerContext
    ) -> blob_pb2.Upload:
        project = names.PROJECT.parse(request.parent, field="parent")["project"]
        upload = request.upload
        return convert.upload_to_proto(
            self._uploads.create(project, upload.size_bytes, upload.sha256, request.request_id)
        )

    def GetUpload(self, request: blob_service_pb2.GetUploadRequest, context: grpc.ServicerContext) -> blob_pb2.Upload:
        return convert.upload_to_proto(self._uploads.get(*_upload_ids(request.name)))

    def WriteUpload(self, request_iterator: _Requests, context: grpc.ServicerContext) -> blob_pb2.Upload:
        first = next(request_iterator, None)
        if first is None:
            raise InvalidArgumentError(
                "the stream ended before its first message, which names the upload",
                reason="FIRST_MESSAGE_MISSING",
                field="name",
            )
        return convert.upload_to_proto(self._uploads.write(*_upload_ids(first.name), _chunks(first, request_iterator)))

    def DeleteUpload(
        self, request: blob_service_pb2.DeleteUploadRequest, context: grpc.ServicerContext
    ) -> blob_service_pb2.DeleteUploadResponse:
        self._uploads.delete(*_upload_ids(request.name))
        return blob_service_pb2.DeleteUploadResponse()

    def GetBlob(self, request: blob_service_pb2.GetBlobRequest, context: grpc.ServicerContext) -> blob_pb2.Blob:
        return convert.blob_to_proto(self._blobs.get(*_blob_ids(request.name)))

    def ReadBlob(
        self, request: blob_service_pb2.ReadBlobRequest, context: grpc.ServicerContext
    ) -> Iterator[blob_service_pb2.ReadBlobResponse]:
        project, sha256 = _blob_ids(request.name)
        for offset, data in self._blobs.read(project, sha256, request.offset_bytes, request.limit_bytes):
            yield blob_service_pb2.ReadBlobResponse(offset_bytes=offset, data=data)


def _chunks(first: blob_service_pb2.WriteUploadRequest, rest: _Requests) -> Iterator[tuple[int, bytes]]:
    yield first.offset_bytes, first.data
    for request in rest:
        if request.name not in ("", first.name):
            raise InvalidArgumentError(
                f"name must stay {first.name!r} for the whole stream, got {request.name!r}",
                reason="UPLOAD_NAME_CHANGED",
                field="name",
                value=request.name,
            )
        yield request.offset_bytes, request.data


def _upload_ids(name: str) -> tuple[str, str]:
    ids = names.UPLOAD.parse(name)
    return ids["project"], ids["upload"]


def _blob_ids(name: str) -> tuple[str, str]:
    ids = names.BLOB.parse(name)
    return ids["project"], ids["sha256"]
