"""The least that grpcio and ONNX Runtime need to answer: the other side of `benchmarks.serving_oip`.

python -m benchmarks.bare_servicer GRAPH THREADS
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from framecast_bundle.engines.onnx_session import open_session
from framecast_inference.open_inference.v2.model_infer_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
    ModelStreamInferResponse,
)

WORKERS = 32
_LIMIT = 64 * 1024 * 1024


def protocol_handlers(session: Any) -> grpc.GenericRpcHandler:
    """The protocol's own messages, nothing checked, nothing counted, nothing logged, one model, no cache."""
    name, outputs = session.get_inputs()[0].name, [output.name for output in session.get_outputs()]

    def fill(request: ModelInferRequest, response: ModelInferResponse) -> None:
        array = np.frombuffer(request.raw_input_contents[0], np.float32).reshape(request.inputs[0].shape)
        for output, value in zip(outputs, session.run(outputs, {name: array}), strict=True):
            response.outputs.add(name=output, datatype="FP32", shape=value.shape)
            response.raw_output_contents.append(value.tobytes())

    def infer(request: ModelInferRequest, context: grpc.ServicerContext) -> ModelInferResponse:
        response = ModelInferResponse()
        fill(request, response)
        return response

    def stream(requests: Iterator[ModelInferRequest], context: grpc.ServicerContext) -> Iterator[Any]:
        for request in requests:
            answer = ModelStreamInferResponse()
            fill(request, answer.infer_response)
            yield answer

    handlers: dict[str, Any] = {
        "ModelInfer": grpc.unary_unary_rpc_method_handler(
            infer,
            request_deserializer=ModelInferRequest.FromString,
            response_serializer=ModelInferResponse.SerializeToString,
        ),
        "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(
            stream,
            request_deserializer=ModelInferRequest.FromString,
            response_serializer=ModelStreamInferResponse.SerializeToString,
        ),
    }
    return grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)


def bytes_handlers(session: Any) -> grpc.GenericRpcHandler:
    """Tensors as plain bytes without any message, the shape known beforehand: `bare.Bytes/Infer` and `…/Stream`."""
    name, outputs = session.get_inputs()[0].name, [output.name for output in session.get_outputs()]
    shape = tuple(1 if isinstance(length, str) else length for length in session.get_inputs()[0].shape)

    def answer(request: bytes) -> bytes:
        array = np.frombuffer(request, np.float32).reshape(shape)
        return b"".join(value.tobytes() for value in session.run(outputs, {name: array}))

    def infer(request: bytes, context: grpc.ServicerContext) -> bytes:
        return answer(request)

    def stream(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        return map(answer, requests)

    handlers: dict[str, Any] = {
        "Infer": grpc.unary_unary_rpc_method_handler(infer),
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
    }
    return grpc.method_handlers_generic_handler("bare.Bytes", handlers)


def main() -> None:
    session = open_session(Path(sys.argv[1]).read_bytes(), "CPUExecutionProvider", int(sys.argv[2]), sys.argv[1])
    options = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT)]
    server = grpc.server(ThreadPoolExecutor(WORKERS), options=options)
    server.add_generic_rpc_handlers((protocol_handlers(session), bytes_handlers(session)))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(json.dumps({"event": "serving", "port": port}), file=sys.stderr, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
