"""Uploads while the object store fails under them."""

import hashlib

import pytest
from obstore.store import MemoryStore

from framecast.errors import UnavailableError
from framecast_registry import uploads as uploads_module
from framecast_registry.uploads import Uploads
from framecast_runtime.object_store import ObjectStore
from tests.support.memory_backends import MemoryBackends

DATA = b"0123456789"


class FailingOnce(ObjectStore):
    """Refuses the first part."""

    refused = False

    def put_new(self, path: str, data: bytes) -> bool:
        if not self.refused:
            self.refused = True
            raise UnavailableError("away")
        return super().put_new(path, data)


def test_what_follows_a_part_that_was_not_stored_does_not_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_module, "PART_BYTES", 4)
    backends = MemoryBackends(objects=FailingOnce(MemoryStore()))
    uploads = Uploads(backends.metadata, backends.objects, backends.clock, max_blob_bytes=100)
    upload_id = uploads.create("default", len(DATA), hashlib.sha256(DATA).hexdigest(), "").upload.upload_id
    with pytest.raises(UnavailableError):
        uploads.write("default", upload_id, iter([(0, DATA[:6])]))
    assert uploads.get("default", upload_id).committed_bytes == 0
    assert uploads.write("default", upload_id, iter([(0, DATA)])).upload.finished
