"""What an import refuses before it reads a byte."""

from typing import cast

import pytest

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast_inference.model_import import MAX_GRAPH_BYTES, ModelImport
from framecast_inference.ports import Blobs, Registry

BLOB = f"projects/default/blobs/{'0' * 64}"


class OneBlob:
    """A registry that knows a blob's size, and a store that must not be read."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes

    def blob_size(self, name: str) -> int:
        assert name == BLOB
        return self._size_bytes

    def read(self, sha256: str) -> bytes:
        if self._size_bytes > MAX_GRAPH_BYTES:
            pytest.fail("the blob was read")
        return b"no graph"


def run(size_bytes: int) -> None:
    blob = OneBlob(size_bytes)
    model_import = ModelImport(cast(Registry, blob), cast(Blobs, blob), device="cpu", threads=1)
    model_import.run(model="projects/default/models/huge", descriptor="[]", graph=BLOB, request_id="")


def test_a_graph_that_no_protobuf_can_hold_is_refused_by_its_size() -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        run(MAX_GRAPH_BYTES + 1)
    assert refused.value.reason == "GRAPH_TOO_LARGE"


def test_a_graph_of_the_largest_size_is_read() -> None:
    with pytest.raises(FailedPreconditionError) as refused:
        run(MAX_GRAPH_BYTES)
    assert refused.value.reason == "GRAPH_UNREADABLE"
