"""Bytes in and out, over the wire."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from framecast import errors
from framecast.v1 import blob_pb2, registry_service_pb2
from framecast.v1 import blob_service_pb2 as pb
from framecast.v1.blob_service_pb2_grpc import BlobServiceStub
from framecast_registry.blobs import MAX_PUT_BYTES
from framecast_registry.uploads import PART_BYTES
from framecast_runtime.object_store import blob_path, open_object_store
from tests.support.registry_api import PROJECT, RegistryApi, write_requests
from tests.support.registry_server import registry


def read(api: Any, name: Any, **fields: Any) -> Any:
    return b"".join(chunk.data for chunk in api.blobs.ReadBlob(pb.ReadBlobRequest(name=name, **fields)))


def upload_state(api: Any, name: Any) -> Any:
    return api.blobs.GetUpload(pb.GetUploadRequest(name=name))


def test_an_upload_of_many_parts_comes_back_byte_for_byte(api, server):
    data = os.urandom(20_000_000)
    upload = api.write(api.create_upload(data).name, data)
    assert upload.committed_bytes == len(data)
    assert upload.blob == f"{PROJECT}/blobs/{hashlib.sha256(data).hexdigest()}"
    assert read(api, upload.blob) == data
    assert list(open_object_store(server.object_store_url).list("uploads")) == []


@pytest.mark.parametrize("left", [None, b"cut"])
def test_bytes_that_were_lost_can_be_uploaded_again(api, server, left):
    data = os.urandom(4_000_000)
    sha256 = hashlib.sha256(data).hexdigest()
    blob = api.write(api.create_upload(data).name, data).blob
    asked = pb.FindMissingBlobsRequest(parent=PROJECT, sha256s=[sha256])
    assert list(api.blobs.FindMissingBlobs(asked).missing_sha256s) == []
    objects = open_object_store(server.object_store_url)
    objects.delete(blob_path(sha256))
    if left is not None:
        objects.put(blob_path(sha256), left)
    assert list(api.blobs.FindMissingBlobs(asked).missing_sha256s) == [sha256]
    upload = api.create_upload(data)
    assert (upload.blob, upload.committed_bytes) == ("", 0)
    assert api.write(upload.name, data).blob == blob
    assert read(api, blob) == data


def test_slow_uploads_leave_room_for_other_calls(api):
    done = threading.Event()

    def slow(upload: blob_pb2.Upload) -> Any:
        yield pb.WriteUploadRequest(name=upload.name)
        done.wait(20)

    uploads = [api.create_upload(os.urandom(10)) for _ in range(40)]
    with api.plain_channel() as channel:
        calls = [BlobServiceStub(channel).WriteUpload.future(slow(upload)) for upload in uploads]
        try:
            time.sleep(0.3)
            project = registry_service_pb2.GetProjectRequest(name=PROJECT)
            assert api.registry.GetProject(project, timeout=5).name == PROJECT
        finally:
            done.set()
            for call in calls:
                call.result()


def test_an_upload_goes_on_from_what_is_committed(api):
    data = os.urandom(9_000_000)
    name = api.create_upload(data).name
    half = api.write(name, data[:5_000_000])
    assert (half.committed_bytes, half.blob) == (5_000_000, "")
    assert upload_state(api, name).committed_bytes == 5_000_000
    done = api.write(name, data, start=5_000_000)
    assert read(api, done.blob) == data
    assert upload_state(api, name).blob == done.blob


def test_a_wrong_offset_is_refused_naming_the_committed_one(api):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    api.write(name, data[:400])
    for start in (0, 399, 401, 2000):
        with pytest.raises(errors.OutOfRangeError, match="400 of 1000 bytes are committed") as caught:
            api.write(name, data, start=start)
        assert caught.value.metadata["committed_bytes"] == "400"


def test_bytes_before_a_bad_chunk_are_kept(api):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    chunks = [
        pb.WriteUploadRequest(name=name, offset_bytes=0, data=data[:300]),
        pb.WriteUploadRequest(offset_bytes=700, data=data[700:]),
    ]
    with pytest.raises(errors.OutOfRangeError, match="300 of 1000"):
        api.blobs.WriteUpload(iter(chunks))
    assert upload_state(api, name).committed_bytes == 300


def test_more_bytes_than_announced_are_refused(api):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    with pytest.raises(errors.OutOfRangeError) as caught:
        api.write(name, data + b"x")
    assert caught.value.reason == "UPLOAD_TOO_LONG"


def test_wrong_bytes_are_data_loss_and_the_upload_is_gone(api, server):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    with pytest.raises(errors.DataLossError) as caught:
        api.write(name, data[:-1] + b"?" if data[-1:] != b"?" else data[:-1] + b"!")
    assert caught.value.reason == "DIGEST_MISMATCH"
    with pytest.raises(errors.NotFoundError):
        upload_state(api, name)
    assert list(open_object_store(server.object_store_url).list("")) == []


def test_wrong_bytes_are_found_when_the_upload_was_resumed(api):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    api.write(name, bytes(500))
    with pytest.raises(errors.DataLossError):
        api.write(name, data, start=500)


def test_an_upload_whose_bytes_are_all_there_is_finished_by_an_empty_chunk(api, server):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    upload_id = name.rsplit("/", 1)[1]
    store = open_object_store(server.object_store_url)
    store.put(f"uploads/{upload_id}/{0:020d}", data)  # as a server leaves it that is killed before the last step
    state = upload_state(api, name)
    assert (state.committed_bytes, state.blob) == (1000, "")
    assert read(api, api.write(name, data, start=1000).blob) == data


def test_an_empty_blob_needs_no_bytes(api):
    upload = api.create_upload(b"")
    assert upload.blob
    assert read(api, upload.blob) == b""


def test_known_bytes_are_not_sent_again(api):
    data = os.urandom(1000)
    api.put(data)
    upload = api.create_upload(data)
    assert upload.blob
    assert upload.committed_bytes == 1000
    other = hashlib.sha256(b"other").hexdigest()
    known = hashlib.sha256(data).hexdigest()
    asked = pb.FindMissingBlobsRequest(parent=PROJECT, sha256s=[other, known])
    assert list(api.blobs.FindMissingBlobs(asked).missing_sha256s) == [other]


def test_another_project_must_bring_the_bytes_itself(api):
    api.registry.CreateProject(registry_service_pb2.CreateProjectRequest(project_id="other"))
    data = os.urandom(1000)
    blob = api.put(data)
    foreign = blob.name.replace(PROJECT, "projects/other")
    with pytest.raises(errors.NotFoundError):
        read(api, foreign)
    with pytest.raises(errors.NotFoundError):
        api.blobs.GetBlob(pb.GetBlobRequest(name=foreign))
    upload = api.create_upload(data, parent="projects/other")
    assert (upload.blob, upload.committed_bytes) == ("", 0)
    assert api.write(upload.name, data).blob == foreign
    assert read(api, foreign) == data
    with pytest.raises(errors.NotFoundError):
        upload_state(api, upload.name.replace("projects/other", PROJECT))


def test_a_repeated_request_returns_the_first_upload(api):
    data = os.urandom(1000)
    first = api.create_upload(data, request_id="r1")
    api.write(first.name, data[:10])
    again = api.create_upload(data, request_id="r1")
    assert (again.name, again.committed_bytes) == (first.name, 10)
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.create_upload(data + b"x", request_id="r1")
    assert (caught.value.reason, caught.value.field) == ("REQUEST_ID_REUSED", "request_id")


def test_a_deleted_upload_is_gone_with_its_bytes(api, server):
    data = os.urandom(1000)
    name = api.create_upload(data).name
    api.write(name, data[:10])
    api.blobs.DeleteUpload(pb.DeleteUploadRequest(name=name))
    calls: list[Callable[[], Any]] = [lambda: upload_state(api, name), lambda: api.write(name, data, start=10)]
    for call in calls:
        with pytest.raises(errors.NotFoundError):
            call()
    assert list(open_object_store(server.object_store_url).list("uploads")) == []


def test_a_broken_connection_keeps_what_came(api):
    data = os.urandom(3_000_000)
    name = api.create_upload(data).name
    go_on = threading.Event()

    def requests() -> Any:
        yield from list(write_requests(name, data, chunk=1_000_000))[:2]
        go_on.wait(10)

    with api.plain_channel() as channel:
        call = BlobServiceStub(channel).WriteUpload.future(requests())
        time.sleep(0.5)
        call.cancel()
        go_on.set()
    deadline = time.monotonic() + 10
    while upload_state(api, name).committed_bytes < 2_000_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert upload_state(api, name).committed_bytes == 2_000_000


def test_two_writers_of_one_upload_do_no_harm(api):
    data = os.urandom(30_000_000)
    name = api.create_upload(data).name
    outcomes = []

    def write() -> None:
        try:
            outcomes.append(api.write(name, data).blob)
        except errors.OutOfRangeError as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = upload_state(api, name)
    if not state.blob:
        state = api.write(name, data, start=state.committed_bytes)
    assert read(api, state.blob) == data
    assert len(outcomes) == 3


def test_many_uploads_of_the_same_bytes_at_once_make_one_copy(api, server):
    data = os.urandom(2_000_000)
    blobs = []
    threads = [
        threading.Thread(target=lambda: blobs.append(api.write(api.create_upload(data).name, data).blob))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(blobs) == 6
    assert len(set(blobs)) == 1
    paths = [path for path, _ in open_object_store(server.object_store_url).list("")]
    assert paths == [blob_path(hashlib.sha256(data).hexdigest())]


def test_read_starts_at_an_offset_and_stops_at_a_limit(api):
    data = os.urandom(2_500_000)
    name = api.put(data).name
    assert read(api, name, offset_bytes=1_234_567) == data[1_234_567:]
    assert read(api, name, offset_bytes=10, limit_bytes=1_500_000) == data[10:1_500_010]
    assert read(api, name, offset_bytes=len(data)) == b""
    chunks = list(api.blobs.ReadBlob(pb.ReadBlobRequest(name=name, offset_bytes=5)))
    assert chunks[0].offset_bytes == 5
    assert chunks[1].offset_bytes == 5 + len(chunks[0].data)
    with pytest.raises(errors.OutOfRangeError) as caught:
        read(api, name, offset_bytes=len(data) + 1)
    assert caught.value.metadata["size_bytes"] == str(len(data))
    with pytest.raises(errors.InvalidArgumentError) as negative:
        read(api, name, offset_bytes=-1)
    assert negative.value.field == "offset_bytes"


def test_bytes_that_vanished_are_data_loss(api, server):
    blob = api.put(b"soon gone")
    open_object_store(server.object_store_url).delete(blob_path(blob.name.rsplit("/", 1)[1]))
    with pytest.raises(errors.DataLossError):
        read(api, blob.name)
    assert api.put(b"soon gone").name == blob.name
    assert read(api, blob.name) == b"soon gone"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"sha256": "ABC"}, "sha256"), ({"data": b"other"}, "data"), ({"data": bytes(MAX_PUT_BYTES + 1)}, "data")],
)
def test_put_names_the_field_at_fault(api, change, field):
    fields = {"sha256": hashlib.sha256(b"data").hexdigest(), "data": b"data", **change}
    with pytest.raises(errors.InvalidArgumentError) as caught:
        api.blobs.PutBlob(pb.PutBlobRequest(parent=PROJECT, **fields))
    assert caught.value.field == field


@pytest.mark.parametrize(("size", "accepted"), [(1000, True), (1001, False), (-1, False)])
def test_upload_size_has_a_limit(tmp_path, size, accepted):
    upload = blob_pb2.Upload(size_bytes=size, sha256="0" * 64)
    with registry(tmp_path, max_blob_bytes=1000) as handle, RegistryApi(handle.address) as api:
        request = pb.CreateUploadRequest(parent=PROJECT, upload=upload)
        if accepted:
            assert api.blobs.CreateUpload(request).name
            return
        with pytest.raises(errors.InvalidArgumentError) as caught:
            api.blobs.CreateUpload(request)
        assert caught.value.field == "upload.size_bytes"


def test_an_empty_stream_is_told_what_is_missing(api):
    with pytest.raises(errors.InvalidArgumentError, match="first message"):
        api.blobs.WriteUpload(iter([]))


def test_parts_are_of_bounded_size(api, server):
    data = os.urandom(20_000_000)
    name = api.create_upload(data + b"more").name
    assert api.write(name, data).committed_bytes == 20_000_000
    sizes = [size for _, size in sorted(open_object_store(server.object_store_url).list("uploads"))]
    assert sizes == [PART_BYTES, PART_BYTES, 20_000_000 - 2 * PART_BYTES]
