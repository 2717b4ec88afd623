"""Large requests are cut and responses joined as protobuf would read and write them."""

from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from framecast_inference.open_inference import wire
from framecast_inference.open_inference.v2.model_infer_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)

LARGE = wire._LARGE_BYTES


def request(*raws: bytes) -> ModelInferRequest:
    made = ModelInferRequest(model_name="m", model_version="1", id="é", raw_input_contents=raws)
    made.parameters["confidence_threshold"].double_param = 0.5
    made.parameters["max_detections"].int64_param = 1 << 40
    for number in range(len(raws)):
        made.inputs.add(name=f"x{number}", datatype="UINT8", shape=[1, 300, 1 << 33])
    made.outputs.add(name="y")
    return made


def read(message: ModelInferRequest) -> ModelInferRequest:
    found = wire.read_request(message.SerializeToString())
    again = ModelInferRequest()
    again.CopyFrom(found.message)
    if not again.raw_input_contents:  # of a small request they are in the message, too
        again.raw_input_contents.extend(bytes(raw) for raw in found.raws)
    assert [bytes(raw) for raw in found.raws] == list(message.raw_input_contents)
    return again


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (LARGE,), (LARGE, 0, 127, 128, 3 * LARGE), (16_384, 2_097_152)])
def test_every_request_reads_as_protobuf_reads_it(sizes: tuple[int, ...]) -> None:
    message = request(*(bytes([number]) * size for number, size in enumerate(sizes)))
    assert read(message) == message


def test_a_large_tensor_is_not_copied() -> None:
    data = request(bytes(LARGE)).SerializeToString()
    (raw,) = wire.read_request(data).raws
    assert isinstance(raw, memoryview)
    assert raw.obj is data


def test_fields_that_nobody_knows_do_not_disturb() -> None:
    unknown = b"\xa0\x06\x96\x01" + b"\xa1\x06" + bytes(8) + b"\xa5\x06" + bytes(4) + b"\xa2\x06\x02ab"
    found = wire.read_request(unknown + request(bytes(LARGE)).SerializeToString() + unknown)
    assert found.model_name == "m"
    assert [len(raw) for raw in found.raws] == [LARGE]


@given(st.data())
def test_damaged_bytes_are_read_or_refused_as_protobuf_does(data: Any) -> None:
    damaged = bytearray(request(bytes(LARGE), b"abc").SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.one_of(st.integers(0, 120), st.integers(len(damaged) - 60, len(damaged) - 1)))
        damaged[position] = data.draw(st.integers(0, 255))
    whole = bytes(damaged[: data.draw(st.integers(LARGE, len(damaged)))])
    try:
        expected = ModelInferRequest.FromString(whole)
    except DecodeError:
        with pytest.raises(DecodeError):
            wire.read_request(whole)
        return
    found = wire.read_request(whole)
    assert [bytes(raw) for raw in found.raws] == list(expected.raw_input_contents)
    assert found.message.model_name == expected.model_name
    assert found.message.inputs == expected.inputs


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"abc",
        np.zeros((0, 4), np.float32),
        np.arange(6, dtype="<f4").reshape(2, 3),
        np.arange(6, dtype="<f4").reshape(2, 3).T,
        np.float32(3).reshape(()),
        np.zeros((300, 300), np.int64),
    ],
)
@pytest.mark.parametrize("error", ["", "größer"])
def test_responses_are_written_as_protobuf_writes_them(raw: Any, error: str) -> None:
    shape = (3,) if isinstance(raw, bytes) else raw.shape
    response = wire.Response(error_message=error)
    response.message.id = "7"
    response.add("first", "FP32", shape, raw)
    response.add("second", "BYTES", (1,), b"x" * 200)
    contents = [raw if isinstance(raw, bytes) else raw.tobytes(), b"x" * 200]
    expected = ModelInferResponse(id="7", raw_output_contents=contents)
    expected.outputs.add(name="first", datatype="FP32", shape=shape)
    expected.outputs.add(name="second", datatype="BYTES", shape=[1])
    assert wire.write_response(response) == expected.SerializeToString()
    streamed = ModelStreamInferResponse(error_message=error, infer_response=expected)
    assert wire.write_stream_response(response) == streamed.SerializeToString()
