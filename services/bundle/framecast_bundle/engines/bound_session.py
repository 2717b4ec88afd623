"""An ONNX Runtime session on a GPU, its inputs and outputs bound to memory of the device."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from framecast_bundle.device_tensor import DeviceTensor
from framecast_bundle.engine import Tensor
from framecast_bundle.engines.cuda_runtime import CudaRuntime, Stream
from framecast_bundle.engines.device_lanes import DeviceBuffers, Lanes
from framecast_bundle.engines.onnx_tensors import numpy_type


class _Lane:
    def __init__(self, session: Any, cuda: CudaRuntime) -> None:
        self.binding = session.io_binding()
        self.stream = Stream(cuda)
        self.buffers = DeviceBuffers(cuda, self.stream)


class BoundSession:
    """Inputs are copied into memory that the next run uses again; one run's upload goes on while another computes.

    Outputs that are kept stay in memory of ONNX Runtime's arena until their last reference is gone.
    """

    def __init__(self, session: Any, cuda: CudaRuntime, *, device: str = "cuda") -> None:
        """`device` is ONNX Runtime's name of where `cuda`'s memory is."""
        self._session = session
        self._device = device
        self._types = {tensor.name: numpy_type(tensor.type) for tensor in session.get_inputs()}
        self._lanes = Lanes(lambda: _Lane(session, cuda))

    def run(self, outputs: Sequence[str], inputs: Mapping[str, Tensor], keep: Collection[str]) -> dict[str, Tensor]:
        """All outputs by name: arrays, and tensors of the device for `keep`. Raises what ONNX Runtime raises."""
        with self._lanes.take() as lane:
            binding = lane.binding
            placed = {name: lane.buffers.put(name, value, self._types[name]) for name, value in inputs.items()}
            lane.stream.wait()
            for name, tensor in placed.items():
                binding.bind_input(name, self._device, 0, tensor.dtype, tensor.shape, tensor.address)
            for name in outputs:
                binding.bind_output(name, self._device if name in keep else "cpu")
            self._session.run_with_iobinding(binding)
            values = dict(zip(outputs, binding.get_outputs(), strict=True))
            binding.clear_binding_inputs()
            binding.clear_binding_outputs()
        return {name: _kept(value) if name in keep else value.numpy() for name, value in values.items()}

    def close(self) -> None:
        """Frees the memory of the device."""
        self._lanes.close()


def _kept(value: Any) -> DeviceTensor:
    dtype: np.dtype[Any] = numpy_type(value.data_type())
    return DeviceTensor(value.data_ptr(), tuple(value.shape()), dtype, value)
