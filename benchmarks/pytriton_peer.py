"""PyTriton with dynamic batching, calling the same kind of session: another side of `benchmarks.serving_oip`.

PYTHON -m benchmarks.pytriton_peer GRAPH THREADS, with the PYTHON of an environment of its own that has
`nvidia-pytriton` and `onnxruntime`; nothing of ours is imported.
"""

import json
import socket
import sys
from contextlib import ExitStack
from typing import Any

import numpy as np
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

MODEL = "peer"
_BATCH = 64


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def main() -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[2])
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    (source,), (answer,) = session.get_inputs(), session.get_outputs()

    @batch  # type: ignore[untyped-decorator]
    def infer(**inputs: Any) -> dict[str, Any]:
        return {answer.name: session.run([answer.name], inputs)[0]}

    http, rpc, metrics = free_ports(3)
    settings = TritonConfig(
        http_port=http, grpc_port=rpc, metrics_port=metrics, http_address="127.0.0.1", grpc_address="127.0.0.1"
    )
    with Triton(config=settings) as triton:
        triton.bind(
            model_name=MODEL,
            infer_func=infer,
            inputs=[Tensor(name=source.name, dtype=np.float32, shape=tuple(source.shape[1:]))],
            outputs=[Tensor(name=answer.name, dtype=np.float32, shape=tuple(answer.shape[1:]))],
            config=ModelConfig(max_batch_size=_BATCH, batcher=DynamicBatcher(max_queue_delay_microseconds=100)),
        )
        triton.run()
        print(json.dumps({"event": "serving", "port": rpc}), file=sys.stderr, flush=True)
        triton.serve()


if __name__ == "__main__":
    main()
