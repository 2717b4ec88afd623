"""Messages of results."""

from fractions import Fraction

import pytest
from google.rpc import error_details_pb2

from framecast.errors import InvalidArgumentError
from framecast.status import from_status
from framecast.v1.inference_service_pb2 import PredictVideoRequest, PredictVideoUploadRequest
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_inference import convert
from framecast_inference.pipeline import FrameOutcome
from framecast_inference.sources.source_frame import SourceFrame


@pytest.mark.parametrize(
    ("seconds", "whole", "nanos"),
    [
        (Fraction(0), 0, 0),
        (Fraction(1, 3), 0, 333333333),
        (Fraction(2, 3), 0, 666666667),
        (Fraction(1) - Fraction(1, 10**12), 1, 0),
        (Fraction(-3, 2), -1, -500000000),
        (Fraction(455808, 11456), 39, 787709497),
    ],
)
def test_times_are_rounded_to_nanoseconds(seconds: Fraction, whole: int, nanos: int) -> None:
    duration = convert.duration_to_proto(seconds)
    assert (duration.seconds, duration.nanos) == (whole, nanos)


def test_an_error_travels_as_a_status_with_one_error_info() -> None:
    error = InvalidArgumentError("cat.png is truncated", reason="IMAGE_TRUNCATED", field="images[3]", image="cat.png")
    result = convert.outcome_to_proto(FrameOutcome(SourceFrame(index=3, error=error), None), ModelBundle())
    assert result.frame_index == 3
    assert result.WhichOneof("outcome") == "error"
    assert not result.HasField("presentation_time")
    infos = [detail for detail in result.error.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    assert len(infos) == 1
    again = from_status(result.error)
    assert (again.message, again.reason, again.metadata) == (error.message, error.reason, error.metadata)


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
    with pytest.raises(InvalidArgumentError, match="asset must be empty"):
        convert.upload_request(iter([with_asset]))
    with pytest.raises(InvalidArgumentError, match="must hold `chunk`"):
        list(convert.upload_chunks(iter([PredictVideoUploadRequest(request=PredictVideoRequest())])))
