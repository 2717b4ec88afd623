"""Messages of requests."""

import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.inference_service_pb2 import PredictVideoRequest, PredictVideoUploadRequest
from framecast_inference import convert


def test_an_upload_starts_with_its_request_and_goes_on_with_chunks() -> None:
    first = PredictVideoUploadRequest(request=PredictVideoRequest(model_version="m"))
    chunk = PredictVideoUploadRequest(chunk=b"abc")
    messages = iter([first, chunk, chunk])
    assert convert.upload_request(messages).model_version == "m"
    assert list(convert.upload_chunks(messages)) == [b"abc", b"abc"]


@pytest.mark.parametrize("first", [None, PredictVideoUploadRequest(chunk=b"a"), PredictVideoUploadRequest()])
def test_an_upload_without_its_request_is_refused(first) -> None:
    with pytest.raises(InvalidArgumentError, match="first message"):
        convert.upload_request(iter([first] if first else []))


def test_an_upload_names_no_asset_and_no_second_request() -> None:
    with_asset = PredictVideoUploadRequest(request=PredictVideoRequest(asset="projects/p/assets/a"))
    with pytest.raises(InvalidArgumentError, match="asset and image_group must be empty"):
        convert.upload_request(iter([with_asset]))
    with pytest.raises(InvalidArgumentError, match="must hold `chunk`"):
        list(convert.upload_chunks(iter([PredictVideoUploadRequest(request=PredictVideoRequest())])))
