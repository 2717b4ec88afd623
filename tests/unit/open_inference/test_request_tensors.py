"""From a request's tensors to arrays, and what is refused on the way."""

from typing import Any

import numpy as np
import pytest

from framecast.errors import FramecastError, InvalidArgumentError, UnimplementedError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_inference.open_inference.bytes_tensor import pack
from framecast_inference.open_inference.datatypes import BYTES, OF_MANIFEST
from framecast_inference.open_inference.request_tensors import RequestTensors
from framecast_inference.open_inference.tensor_spec import ANY, TensorSpec, graph_specs
from framecast_inference.open_inference.v2.model_infer_pb2 import InferTensorContents, ModelInferRequest

PIXELS = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def tensors(*specs: TensorSpec) -> RequestTensors:
    return RequestTensors(specs, [TensorSpec("a", OF_MANIFEST["float32"], (ANY,)), TensorSpec("b", BYTES, (ANY,))])


def spec(name: str = "x", dtype: str = "float32", shape: tuple[int, ...] = (ANY, 3, 4), **fields: Any) -> TensorSpec:
    return TensorSpec(name, BYTES if dtype == "bytes" else OF_MANIFEST[dtype], shape, **fields)


def request(
    array: np.ndarray[Any, Any] | None = None,
    *,
    name: str = "x",
    datatype: str = "FP32",
    shape: tuple[int, ...] | None = None,
    raw: bytes | None = None,
    contents: InferTensorContents | None = None,
) -> ModelInferRequest:
    value = PIXELS if array is None else array
    made = ModelInferRequest()
    tensor = made.inputs.add(name=name, datatype=datatype, shape=value.shape if shape is None else shape)
    if contents is not None:
        tensor.contents.CopyFrom(contents)
    else:
        made.raw_input_contents.append(value.tobytes() if raw is None else raw)
    return made


def arrays(reader: RequestTensors, message: ModelInferRequest) -> dict[str, Any]:
    return reader.arrays(message, list(message.raw_input_contents))


def refused(
    reader: RequestTensors, message: ModelInferRequest, *, by: type[FramecastError] = InvalidArgumentError
) -> Any:
    with pytest.raises(by) as caught:
        (reader.wanted(message), arrays(reader, message))
    return caught.value


@pytest.mark.parametrize("dtype", list(OF_MANIFEST))
def test_raw_contents_of_every_datatype_arrive_bit_by_bit_and_uncopied(dtype: str) -> None:
    array = (np.arange(24).reshape(2, 3, 4) % 2).astype(OF_MANIFEST[dtype].dtype)
    message = request(array, datatype=OF_MANIFEST[dtype].name)
    found = arrays(tensors(spec(dtype=dtype)), message)["x"]
    assert found.dtype == array.dtype
    assert found.tobytes() == array.tobytes()
    assert found.shape == (2, 3, 4)
    assert not found.flags.owndata  # a view of the message's bytes


@pytest.mark.parametrize("dtype", [name for name, each in OF_MANIFEST.items() if each.contents])
def test_typed_contents_of_every_datatype_arrive(dtype: str) -> None:
    datatype = OF_MANIFEST[dtype]
    contents = InferTensorContents()
    getattr(contents, datatype.contents).extend([1, 0, 1])
    found = arrays(
        tensors(spec(dtype=dtype, shape=(3,))), request(datatype=datatype.name, shape=(3,), contents=contents)
    )["x"]
    assert found.dtype == datatype.dtype
    assert found.tolist() == [1, 0, 1]


def test_bytes_arrive_raw_and_typed() -> None:
    reader = tensors(spec(dtype="bytes", shape=(ANY,)))
    raw = arrays(reader, request(datatype="BYTES", shape=(2,), raw=pack([b"a", b""])))["x"]
    contents = InferTensorContents(bytes_contents=[b"a", b""])
    typed = arrays(reader, request(datatype="BYTES", shape=(2,), contents=contents))["x"]
    assert raw.tolist() == typed.tolist() == [b"a", b""]


def test_a_shape_that_was_seen_is_still_checked_against_the_bytes() -> None:
    reader = tensors(spec())
    arrays(reader, request())
    error = refused(reader, request(raw=PIXELS.tobytes()[:-1]))
    assert (error.metadata["actual"], error.metadata["expected"]) == ("95", "96")


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        (request(name="y"), "TENSOR_UNKNOWN", ["'y'", "'x' (FP32)"]),
        (request(datatype="FP64"), "TENSOR_DATATYPE_MISMATCH", ["'x'", "'FP64'", "'FP32'"]),
        (request(datatype=""), "TENSOR_DATATYPE_MISMATCH", ["'x'", "''"]),
        (request(shape=(2, 3, 5)), "TENSOR_SHAPE_MISMATCH", ["'x'", "[2, 3, 5]", "[-1, 3, 4]"]),
        (request(shape=(2, 12)), "TENSOR_SHAPE_MISMATCH", ["[2, 12]"]),
        (request(shape=()), "TENSOR_SHAPE_MISMATCH", ["[]"]),
        (request(shape=(0, 3, 4), raw=b""), "TENSOR_SHAPE_MISMATCH", ["[0, 3, 4]"]),
        (request(shape=(-2, 3, 4)), "TENSOR_SHAPE_MISMATCH", ["[-2, 3, 4]"]),
        (request(shape=(2**62, 3, 4)), "TENSOR_SIZE_MISMATCH", ["96"]),
        (request(raw=b""), "TENSOR_SIZE_MISMATCH", ["0 raw bytes", "96"]),
        (request(contents=InferTensorContents(fp32_contents=[1])), "TENSOR_SIZE_MISMATCH", ["1 elements", "24"]),
        (request(contents=InferTensorContents()), "TENSOR_SIZE_MISMATCH", ["0 elements"]),
        (
            request(contents=InferTensorContents(fp64_contents=[1])),
            "TENSOR_CONTENTS_TYPE",
            ["fp64_contents", "fp32_contents"],
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(message: ModelInferRequest, reason: str, words: list[str]) -> None:
    error = refused(tensors(spec()), message)
    assert error.reason == reason
    assert error.field.startswith("inputs.")
    assert [word for word in words if word not in error.message] == []


def test_missing_and_repeated_inputs_are_refused() -> None:
    reader = tensors(spec(), spec("y"))
    assert "'y'" in refused(reader, request()).message
    twice = request()
    twice.inputs.append(twice.inputs[0])
    twice.raw_input_contents.append(twice.raw_input_contents[0])
    assert refused(reader, twice).reason == "TENSOR_REPEATED"


def test_raw_and_typed_contents_do_not_mix() -> None:
    both = request()
    both.inputs[0].contents.fp32_contents.append(1)
    assert refused(tensors(spec()), both).reason == "TENSOR_CONTENTS_TWICE"
    more = request()
    more.raw_input_contents.append(b"")
    assert refused(tensors(spec()), more).reason == "RAW_CONTENTS_COUNT"


@pytest.mark.parametrize(("dtype", "field"), [("uint8", "uint_contents"), ("int8", "int_contents")])
def test_an_element_beyond_its_datatype_is_refused(dtype: str, field: str) -> None:
    contents = InferTensorContents()
    getattr(contents, field).append(300)
    message = request(datatype=OF_MANIFEST[dtype].name, shape=(1,), contents=contents)
    assert refused(tensors(spec(dtype=dtype, shape=(1,))), message).reason == "TENSOR_ELEMENT_OUT_OF_RANGE"


def test_half_precision_needs_raw_contents() -> None:
    message = request(datatype="FP16", contents=InferTensorContents(fp32_contents=[1]))
    assert "raw_input_contents" in refused(tensors(spec(dtype="float16")), message).message


def test_axes_of_one_name_have_one_length() -> None:
    reader = tensors(spec("x", axes=("batch", "3", "4")), spec("y", shape=(ANY,), axes=("batch",)))
    message = request()
    message.inputs.add(name="y", datatype="FP32", shape=[2])
    message.raw_input_contents.append(bytes(8))
    assert set(arrays(reader, message)) == {"x", "y"}
    message.inputs[1].shape[:] = [1]
    message.raw_input_contents[1] = bytes(4)
    error = refused(reader, message)
    assert "batch = 1" in error.message
    assert "batch = 2" in error.message


def test_outputs_are_filtered_in_the_order_asked() -> None:
    reader, message = tensors(spec()), request()
    assert [each.name for each in reader.wanted(message)] == ["a", "b"]
    message.outputs.add(name="b")
    assert [each.name for each in reader.wanted(message)] == ["b"]
    message.outputs.add(name="a").parameters["binary_data"].bool_param = True
    assert [each.name for each in reader.wanted(message)] == ["b", "a"]


@pytest.mark.parametrize(("names", "reason"), [(["c"], "OUTPUT_UNKNOWN"), (["a", "a"], "OUTPUT_REPEATED")])
def test_outputs_that_are_unknown_or_repeated_are_refused(names: list[str], reason: str) -> None:
    message = request()
    for name in names:
        message.outputs.add(name=name)
    error = refused(tensors(spec()), message)
    assert error.reason == reason
    assert error.field == f"outputs.{names[-1]}"


@pytest.mark.parametrize("side", ["inputs", "outputs"])
@pytest.mark.parametrize(
    ("parameter", "by"),
    [
        ("shared_memory_region", UnimplementedError),
        ("colour", InvalidArgumentError),
        ("classification", UnimplementedError),
    ],
)
def test_parameters_of_tensors_are_refused(side: str, parameter: str, by: type[FramecastError]) -> None:
    message = request()
    message.outputs.add(name="a")
    getattr(message, side)[0].parameters[parameter].int64_param = 1
    assert parameter in refused(tensors(spec()), message, by=by).message


def test_a_graph_is_described_by_its_manifest() -> None:
    graph = ModelBundle.Graph(
        name="network",
        inputs=[ModelBundle.Tensor(name="images", dtype="float32", shape=["batch", "3", "64", "64"])],
        outputs=[ModelBundle.Tensor(name="ids", dtype="tensor(uint16)", shape=["axis_0"])],
    )
    (inputs,), (outputs,) = graph_specs(graph)
    assert (inputs.name, inputs.datatype.name, inputs.shape) == ("images", "FP32", (ANY, 3, 64, 64))
    assert (outputs.datatype.name, outputs.shape) == ("UINT16", (ANY,))
    graph.outputs[0].dtype = "tensor(string)"
    with pytest.raises(FramecastError, match="tensor\\(string\\)"):
        graph_specs(graph)
