"""Small detectors of random weights as model versions, and a small video, to test what is around a network."""

from pathlib import Path

import av
import grpc
import numpy as np
from onnx import ModelProto, numpy_helper

from framecast.v1 import inference_service_pb2, inference_service_pb2_grpc
from framecast.v1.model_pb2 import ModelVersion
from tests.support.outside_yolox import PROJECT, upload_blob
from tests.unit.bundle import tiny_bundles

DESCRIPTOR = f"""
task: object_detection
architecture: tiny
classes: [{", ".join(tiny_bundles.NAMES)}]
input: {{size: 64, resize: letterbox_top_left, color_order: rgb, scale: 0.00392156862745098, pad_value: 114}}
head: {{kind: yolox, strides: [8]}}
defaults: {{confidence_threshold: 0.3, max_detections: 10}}
"""


def tiny_graph(seed: int) -> bytes:
    """A YOLOX of one convolution whose answers depend on the seed."""
    model = ModelProto.FromString(tiny_bundles.yolox(batch="batch").files["network.onnx"])
    rng = np.random.default_rng(seed)
    for index, weight in enumerate(model.graph.initializer):
        if weight.name == "w0":
            values = rng.normal(0, 0.2, tuple(weight.dims)).astype(np.float32)
            model.graph.initializer[index].CopyFrom(numpy_helper.from_array(values, "w0"))
    return model.SerializeToString()


def import_tiny(registry: grpc.Channel, inference: grpc.Channel, *, model: str, seed: int) -> ModelVersion:
    """Imports `tiny_graph(seed)` as the next version of `projects/default/models/{model}`."""
    return inference_service_pb2_grpc.InferenceServiceStub(inference).ImportModelVersion(
        inference_service_pb2.ImportModelVersionRequest(
            model=f"{PROJECT}/models/{model}", descriptor=DESCRIPTOR, graph=upload_blob(registry, tiny_graph(seed))
        )
    )


def write_video(path: Path, *, frames: int, seed: int = 0) -> Path:
    """An MP4 of 64 x 48 pixels, 10 frames a second, whose blocks of colours change from frame to frame."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
        for _ in range(frames):
            blocks = rng.integers(0, 256, (3, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(blocks), format="rgb24")))
        container.mux(stream.encode())
    return path
