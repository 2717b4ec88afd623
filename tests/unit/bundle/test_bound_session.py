"""I/O binding: the real ONNX Runtime, bound to memory that stands for a GPU's."""

import ctypes
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from framecast.errors import FailedPreconditionError, InternalError, ResourceExhaustedError
from framecast_bundle.device_tensor import DeviceTensor
from framecast_bundle.engines.bound_session import BoundSession
from framecast_bundle.engines.cuda_runtime import CudaRuntime
from framecast_bundle.engines.onnx_session import CPU, open_session
from tests.support.fake_gpu import fake_cuda, fake_cudart, live_allocations
from tests.unit.bundle import tiny_bundles


def bound(graph: str) -> tuple[BoundSession, Any, list[str]]:
    session = open_session(tiny_bundles.mask_rcnn().files[f"{graph}.onnx"], CPU, 1, graph)
    outputs = [each.name for each in session.get_outputs()]
    return BoundSession(session, fake_cuda(), device="cpu"), session, outputs


def test_arrays_and_kept_tensors_are_what_the_session_gives() -> None:
    dense, session, outputs = bound("dense")
    images = np.random.default_rng(0).random((2, 3, 64, 96), np.float32)
    expected = dict(zip(outputs, session.run(outputs, {"images": images}), strict=True))
    keep = ["features_0", "features_1"]
    answers = dense.run(outputs, {"images": images}, keep)
    for name in outputs:
        if name in keep:
            assert isinstance(answers[name], DeviceTensor)
            assert answers[name].shape == expected[name].shape
        else:
            np.testing.assert_array_equal(answers[name], expected[name])

    boxes, session, outputs = bound("boxes")
    rois = {"rois_0": np.array([[0, 1, 2, 30, 40]], np.float32), "rois_1": np.zeros((0, 5), np.float32)}
    for row in range(2):
        host = {name: np.ascontiguousarray(expected[name][row : row + 1]) for name in keep}
        device = {name: answers[name][row : row + 1] for name in keep}
        wanted = session.run(outputs, {**host, **rois})
        found = boxes.run(outputs, {**device, **rois}, ())
        for name, value in zip(outputs, wanted, strict=True):
            np.testing.assert_array_equal(found[name], value)


def test_inputs_take_the_same_memory_again_and_all_is_freed() -> None:
    gc.collect()
    before = live_allocations()
    dense, _, outputs = bound("dense")
    for size in (32, 96, 64):
        dense.run(outputs, {"images": np.zeros((1, 3, size, size), np.float32)}, ())
    assert live_allocations() == before + 2  # a stream, and memory for the input
    dense.close()
    gc.collect()
    assert live_allocations() == before


def test_runs_beside_each_other_have_memory_of_their_own() -> None:
    dense, session, outputs = bound("dense")
    inputs = [np.random.default_rng(seed).random((1, 3, 32, 32), np.float32) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: dense.run(outputs, {"images": each}, ())["deltas_0"], inputs))
    for image, answer in zip(inputs, answers, strict=True):
        np.testing.assert_array_equal(answer, session.run(["deltas_0"], {"images": image})[0])


def test_inputs_of_half_precision_are_converted() -> None:
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "half", tensors[:1], tensors[1:])
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
    session = BoundSession(open_session(model.SerializeToString(), CPU, 1, "half"), fake_cuda(), device="cpu")
    answer = session.run(["y"], {"x": np.array([-1.5, 2.0], np.float32)}, ())["y"]
    assert answer.dtype == np.float16
    np.testing.assert_array_equal(np.asarray(answer), [1.5, 2.0])


def test_rows_of_a_devices_tensor_follow_each_other() -> None:
    tensor = DeviceTensor(1000, (4, 2, 3), np.dtype(np.float32), None)
    assert len(tensor) == 4
    assert tensor.nbytes == 96
    assert (tensor[1:3].address, tensor[1:3].shape) == (1024, (2, 2, 3))
    assert tensor[3:1].shape == (0, 2, 3)
    with pytest.raises(ValueError, match="step of 2"):
        tensor[::2]


def test_the_devices_failures_are_typed() -> None:
    cuda, library = fake_cuda(), ctypes.CDLL(fake_cudart())
    assert cuda.architecture() == "sm_90"
    library.fake_limit.argtypes = [ctypes.c_size_t]
    library.fake_limit(1 << 20)
    try:
        with pytest.raises(ResourceExhaustedError, match="GPU's memory") as exhausted:
            cuda.pinned((1 << 20,))
        assert exhausted.value.reason == "DEVICE_MEMORY"
    finally:
        library.fake_limit(1 << 40)
    with pytest.raises(InternalError, match="cudaHostAlloc failed"):
        cuda.call("cudaHostAlloc", ctypes.byref(ctypes.c_void_p()), 1, 7)
    library.fake_devices(0)
    try:
        with pytest.raises(FailedPreconditionError, match="no CUDA-capable device") as missing:
            cuda.require_device()
        assert missing.value.reason == "DEVICE_UNAVAILABLE"
    finally:
        library.fake_devices(1)


def test_memory_in_use_is_told() -> None:
    cuda = fake_cuda()
    before = cuda.used_bytes()
    array = cuda.pinned((100, 100))
    assert array.dtype == np.float32
    assert cuda.used_bytes() - before == 40_000
    del array
    gc.collect()
    assert cuda.used_bytes() == before


def test_a_file_that_is_not_the_library_is_not_taken_for_it() -> None:
    with pytest.raises(AttributeError):
        CudaRuntime("libc.so.6")
