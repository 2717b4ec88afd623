"""The protocol's datatypes beside NumPy's, the manifest's and the configuration's names for them."""

from dataclasses import dataclass

import numpy as np

from framecast_inference.open_inference.v2 import model_config_pb2 as config


@dataclass(frozen=True)
class Datatype:
    """How a tensor's elements are called and laid out."""

    name: str
    """In requests: `FP32`."""
    dtype: "np.dtype[np.generic]"
    """Little-endian, as raw contents are; `object` for BYTES, whose elements are of any length."""
    config: "config.DataType.ValueType"
    """In a model's configuration."""
    contents: str
    """The field of InferTensorContents for it; empty where there is none."""


BYTES = Datatype("BYTES", np.dtype(object), config.TYPE_STRING, "bytes_contents")
FP32 = Datatype("FP32", np.dtype("<f4"), config.TYPE_FP32, "fp32_contents")
INT32 = Datatype("INT32", np.dtype("<i4"), config.TYPE_INT32, "int_contents")
INT64 = Datatype("INT64", np.dtype("<i8"), config.TYPE_INT64, "int64_contents")

OF_MANIFEST = {
    "bool": Datatype("BOOL", np.dtype("?"), config.TYPE_BOOL, "bool_contents"),
    "uint8": Datatype("UINT8", np.dtype("u1"), config.TYPE_UINT8, "uint_contents"),
    "uint16": Datatype("UINT16", np.dtype("<u2"), config.TYPE_UINT16, "uint_contents"),
    "uint32": Datatype("UINT32", np.dtype("<u4"), config.TYPE_UINT32, "uint_contents"),
    "uint64": Datatype("UINT64", np.dtype("<u8"), config.TYPE_UINT64, "uint64_contents"),
    "int8": Datatype("INT8", np.dtype("i1"), config.TYPE_INT8, "int_contents"),
    "int16": Datatype("INT16", np.dtype("<i2"), config.TYPE_INT16, "int_contents"),
    "int32": INT32,
    "int64": INT64,
    "float16": Datatype("FP16", np.dtype("<f2"), config.TYPE_FP16, ""),
    "float32": FP32,
    "float64": Datatype("FP64", np.dtype("<f8"), config.TYPE_FP64, "fp64_contents"),
}
"""By the manifest's names. BF16, strings and complex numbers have no place in a bundle's graph."""
