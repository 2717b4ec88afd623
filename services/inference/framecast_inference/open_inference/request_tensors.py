"""From a request's tensors to arrays, everything checked on the way."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast_inference.open_inference import bytes_tensor
from framecast_inference.open_inference.tensor_spec import ANY, TensorSpec
from framecast_inference.open_inference.v2.model_infer_pb2 import ModelInferRequest
from framecast_inference.open_inference.wire import Buffer

Array = np.ndarray[Any, Any]
_Input = ModelInferRequest.InferInputTensor
_Seen = tuple[TensorSpec, tuple[int, ...], int]
"""What is said of a tensor: which it is, its shape, and how many elements that makes."""

_MAX_KNOWN = 256


class RequestTensors:
    """Reads requests of one model. Calls may come from several threads at once."""

    def __init__(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._inputs = {spec.name: spec for spec in inputs}
        self._outputs = {spec.name: spec for spec in outputs}
        self._all = tuple(outputs)
        # Not strict: a tensor whose axes have no names shares none.
        named = [axis for spec in inputs for axis, length in zip(spec.axes, spec.shape, strict=False) if length == ANY]
        self._known: dict[bytes, _Seen] = {}
        # Within one tensor the graph itself looks after them.
        self._shared_axes = len(inputs) > 1 and len(set(named)) < len(named)

    def arrays(self, request: ModelInferRequest, raws: Sequence[Buffer]) -> dict[str, Array]:
        """The inputs by name, C-contiguous and read-only, of the datatypes and shapes that the model takes.

        `raws` are the request's raw contents. They are not copied unless their address is none for their datatype.
        Tensors of BYTES come as object arrays of `bytes`. Raises InvalidArgumentError that names the tensor, what it
        has and what it should have.
        """
        tensors = request.inputs
        is_raw = len(raws) > 0
        if is_raw and len(raws) != len(tensors):
            raise InvalidArgumentError(
                f"raw_input_contents has {len(raws)} entries for {len(tensors)} inputs; give one for each, in order",
                reason="RAW_CONTENTS_COUNT",
                field="raw_input_contents",
                actual=len(raws),
                expected=len(tensors),
            )
        arrays: dict[str, Array] = {}
        for position, tensor in enumerate(tensors):
            spec, shape, count = self._seen_before(tensor) if is_raw else self._seen(tensor)
            if spec.name in arrays:
                raise _refused(tensor, "is given twice", "TENSOR_REPEATED")
            array = _from_raw(spec, raws[position], count) if is_raw else _from_contents(spec, tensor, count)
            arrays[spec.name] = array.reshape(shape)
        if len(arrays) != len(self._inputs):
            missing = next(spec for name, spec in self._inputs.items() if name not in arrays)
            raise InvalidArgumentError(
                f"input {missing.name!r} ({missing.datatype.name} {list(missing.shape)}) is missing; "
                f"the model takes {', '.join(map(repr, self._inputs))}",
                reason="TENSOR_MISSING",
                field=f"inputs.{missing.name}",
                tensor=missing.name,
            )
        if self._shared_axes:
            self._check_shared_axes(arrays)
        return arrays

    def wanted(self, request: ModelInferRequest) -> tuple[TensorSpec, ...]:
        """The outputs that are asked for, in that order; all where none is."""
        if not request.outputs:
            return self._all
        chosen: dict[str, TensorSpec] = {}
        for output in request.outputs:
            spec = self._outputs.get(output.name)
            field = f"outputs.{output.name}"
            if spec is None:
                raise InvalidArgumentError(
                    f"the model has no output {output.name!r}; it gives {', '.join(map(repr, self._outputs))}",
                    reason="OUTPUT_UNKNOWN",
                    field=field,
                    output=output.name,
                )
            if output.name in chosen:
                raise InvalidArgumentError(
                    f"output {output.name!r} is asked for twice",
                    reason="OUTPUT_REPEATED",
                    field=field,
                    output=output.name,
                )
            _check_parameters(output.parameters, field)
            chosen[spec.name] = spec
        return tuple(chosen.values())

    def _seen_before(self, tensor: _Input) -> _Seen:
        """Clients repeat themselves: what is said of a raw tensor is looked at once, then known by its bytes."""
        said = tensor.SerializeToString()
        seen = self._known.get(said)
        if seen is None:
            seen = self._seen(tensor)
            if tensor.HasField("contents"):
                raise _refused(
                    tensor, "has contents, but the request has raw_input_contents, too", "TENSOR_CONTENTS_TWICE"
                )
            if len(self._known) < _MAX_KNOWN:
                self._known[said] = seen
        return seen

    def _seen(self, tensor: _Input) -> _Seen:
        spec = self._spec(tensor)
        shape = tuple(tensor.shape)
        return spec, shape, spec.element_count(shape)

    def _spec(self, tensor: _Input) -> TensorSpec:
        spec = self._inputs.get(tensor.name)
        if spec is None:
            takes = ", ".join(f"{each.name!r} ({each.datatype.name})" for each in self._inputs.values())
            raise _refused(tensor, f"is unknown; the model takes {takes}", "TENSOR_UNKNOWN")
        if tensor.datatype != spec.datatype.name:
            raise _refused(
                tensor,
                f"has datatype {tensor.datatype!r}, expected {spec.datatype.name!r}",
                "TENSOR_DATATYPE_MISMATCH",
                actual=tensor.datatype,
                expected=spec.datatype.name,
            )
        if tensor.parameters:
            _check_parameters(tensor.parameters, f"inputs.{tensor.name}")
        return spec

    def _check_shared_axes(self, arrays: Mapping[str, Array]) -> None:
        lengths: dict[str, tuple[int, str]] = {}
        for name, array in arrays.items():
            spec = self._inputs[name]
            for axis, wanted, length in zip(spec.axes, spec.shape, array.shape, strict=False):
                first, other = lengths.setdefault(axis, (length, name)) if wanted == ANY else (length, name)
                if first != length:
                    raise InvalidArgumentError(
                        f"input {name!r} has {axis} = {length}, but input {other!r} has {axis} = {first}",
                        reason="TENSOR_SHAPE_MISMATCH",
                        field=f"inputs.{name}.shape",
                        tensor=name,
                        actual=length,
                        expected=first,
                    )


def _from_raw(spec: TensorSpec, raw: Buffer, count: int) -> Array:
    if spec.datatype.dtype.hasobject:
        return _objects(bytes_tensor.unpack(raw, count, tensor=spec.name))
    expected = count * spec.datatype.dtype.itemsize
    if len(raw) != expected:
        raise InvalidArgumentError(
            f"input {spec.name!r} has {len(raw)} raw bytes, its datatype and shape need {expected}",
            reason="TENSOR_SIZE_MISMATCH",
            field=f"inputs.{spec.name}",
            tensor=spec.name,
            actual=len(raw),
            expected=expected,
        )
    array = np.frombuffer(raw, spec.datatype.dtype)
    return array if array.flags.aligned else array.copy()


def _from_contents(spec: TensorSpec, tensor: _Input, count: int) -> Array:
    field = spec.datatype.contents
    if not field:
        raise _refused(tensor, f"is {spec.datatype.name}, which needs raw_input_contents", "TENSOR_CONTENTS_TYPE")
    others = [each.name for each, _ in tensor.contents.ListFields() if each.name != field]
    if others:
        raise _refused(
            tensor,
            f"of datatype {spec.datatype.name} has {others[0]}, expected {field}",
            "TENSOR_CONTENTS_TYPE",
            actual=others[0],
            expected=field,
        )
    values = getattr(tensor.contents, field)
    if len(values) != count:
        raise _refused(
            tensor,
            f"has {len(values)} elements in {field}, its shape needs {count}",
            "TENSOR_SIZE_MISMATCH",
            actual=len(values),
            expected=count,
        )
    if spec.datatype.dtype.hasobject:
        return _objects(list(values))
    wide = np.array(values)  # as the message holds them: 32 bits at least
    array = wide.astype(spec.datatype.dtype)
    if array.itemsize < wide.itemsize and array.dtype.kind in "iu" and (array != wide).any():
        raise _refused(tensor, f"has an element that {spec.datatype.name} cannot hold", "TENSOR_ELEMENT_OUT_OF_RANGE")
    return array


def _objects(elements: list[bytes]) -> Array:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def _check_parameters(parameters: Mapping[str, Any], field: str) -> None:
    for name in parameters:
        where = f"{field}.parameters.{name}"
        if name.startswith("shared_memory_"):
            raise UnimplementedError(
                f"{where}: tensors in shared memory are not supported; send them in the request",
                reason="SHARED_MEMORY_UNSUPPORTED",
                parameter=name,
            )
        if name == "classification":
            raise UnimplementedError(
                f"{where}: the classification extension is not supported; ask the model by pictures for labels",
                reason="CLASSIFICATION_UNSUPPORTED",
                parameter=name,
            )
        if name != "binary_data":  # what HTTP needs; over gRPC outputs are binary anyway
            raise InvalidArgumentError(
                f"{where} is unknown; tensors take no parameters", reason="PARAMETER_UNKNOWN", field=where, value=name
            )


def _refused(tensor: _Input, what: str, reason: str, **metadata: object) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"input {tensor.name!r} {what}", reason=reason, field=f"inputs.{tensor.name}", tensor=tensor.name, **metadata
    )
