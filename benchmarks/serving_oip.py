"""Serving overhead over the Open Inference Protocol: the inference service beside a bare grpcio servicer.

Each side is a process of its own that runs the same graph (a mean over the picture and a dense layer) with the same
session options on one thread; requests alternate between the sides in rounds.

    python -m benchmarks.serving_oip --json benchmarks/results/serving_oip.json

PyTriton is a side of its own where an environment has it, for it needs an older protobuf and NumPy than ours:

    python -m venv /tmp/pytriton && /tmp/pytriton/bin/pip install nvidia-pytriton onnxruntime 'numpy<2'
    python -m benchmarks.serving_oip --pytriton /tmp/pytriton/bin/python
"""

import argparse
import functools
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from onnx import TensorProto, helper, numpy_helper

import framecast
from benchmarks.provenance import provenance
from benchmarks.rounds import Spread, in_turn, ratios, spread
from benchmarks.serving_processes import Server, serving
from framecast_inference.open_inference.v2 import grpc_service_pb2_grpc
from framecast_inference.open_inference.v2.model_infer_pb2 import ModelInferRequest

IN_FLIGHT = 8
THREADS = 1
US, BARE, BARE_BYTES = "framecast", "bare grpcio, same messages", "bare grpcio, plain bytes"
PYTRITON = "PyTriton, dynamic batching"
SIZES = {"1 KB": (5, 17), "1.2 MB": (320, 320)}
SHOWS_NOT = (
    "large networks, where all of this vanishes beside the network; more cores; clients on other machines; TLS. "
    "The client shares the cores with the server."
)
PACKAGES = ("grpcio", "numpy", "onnxruntime", "protobuf")
_OPTIONS = [("grpc.max_receive_message_length", 1 << 26), ("grpc.max_send_message_length", 1 << 26)]
Ask = Callable[[int], None]


@dataclass(frozen=True)
class Side:
    """One server in one case; ratios are taken round by round."""

    cpu_us: Spread
    """Server CPU per request, in microseconds."""
    per_second: Spread
    """Requests answered, by the wall clock."""
    our_cpu_ratio: Spread
    """Ours over this side's."""
    our_rate_ratio: Spread
    """Ours over this side's."""


@dataclass(frozen=True)
class Case:
    name: str
    input: str
    rounds: int
    requests: int
    """In each round, per side."""
    sides: dict[str, Side]


def graph(height: int, width: int) -> bytes:
    """float32 [batch, 3, height, width] → logits [batch, 3]."""
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, height, width])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    weights = numpy_helper.from_array(np.eye(3, dtype=np.float32), "weights")
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    made = helper.make_graph(nodes, "network", [picture], [logits], initializer=[weights])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def descriptor(height: int, width: int) -> str:
    rule = {"height": height, "width": width, "resize": "stretch", "color_order": "rgb", "scale": 1.0}
    head = {"kind": "classification", "activation": "softmax"}
    classes = ["red", "green", "blue"]
    return json.dumps(
        {"task": "classification", "architecture": "mean", "classes": classes, "input": rule, "head": head}
    )


def request(model: str, height: int, width: int) -> ModelInferRequest:
    pixels = np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)
    tensor = ModelInferRequest.InferInputTensor(name="images", datatype="FP32", shape=pixels.shape)
    return ModelInferRequest(
        model_name=model, model_version="1", id="1", inputs=[tensor], raw_input_contents=[pixels.tobytes()]
    )


def unary(call: Callable[[Any], Any], message: object) -> Ask:
    """Asks so often, `IN_FLIGHT` at a time, from as many threads."""

    def ask(count: int) -> None:
        def work() -> None:
            for _ in range(count // IN_FLIGHT):
                call(message)

        threads = [threading.Thread(target=work) for _ in range(IN_FLIGHT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return ask


def stream(call: Callable[[Any], Iterator[Any]], message: object, *, in_flight: int = IN_FLIGHT) -> Ask:
    """The same over one bidirectional stream."""

    def ask(count: int) -> None:
        free = threading.Semaphore(in_flight)

        def messages() -> Iterator[object]:
            for _ in range(count):
                free.acquire()
                yield message

        answered = 0
        for _ in call(messages()):
            answered += 1
            free.release()
        assert answered == count

    return ask


def measure(name: str, text: str, sides: dict[str, tuple[Server, Ask]], *, rounds: int, requests: int) -> Case:
    cpu: dict[str, list[float]] = {side: [] for side in sides}
    rate: dict[str, list[float]] = {side: [] for side in sides}
    for _, ask in sides.values():
        ask(requests)
    for number in range(rounds):
        for side, (server, ask) in in_turn(sides, number):
            before, start = server.cpu_seconds(), time.monotonic()
            ask(requests)
            rate[side].append(requests / (time.monotonic() - start))
            cpu[side].append((server.cpu_seconds() - before) / requests * 1e6)
    return Case(
        name,
        text,
        rounds,
        requests,
        {
            side: Side(
                spread(cpu[side]),
                spread(rate[side]),
                ratios(cpu[US], cpu[side]),
                ratios(rate[US], rate[side]),
            )
            for side in sides
        },
    )


def pytriton(python: str, graph_path: Path, log: Path) -> AbstractContextManager[Server]:
    """Its processes must find that Python's own library, not the system's."""
    ask = "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"
    libraries = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    return serving(
        "benchmarks.pytriton_peer",
        str(graph_path),
        str(THREADS),
        environment={"LD_LIBRARY_PATH": libraries, "PYTHONPATH": str(Path(__file__).parents[1])},
        log=log,
        python=python,
    )


def cases(folder: Path, *, rounds: int, requests: int, pytriton_python: str | None) -> Iterator[Case]:
    with ExitStack() as stack:
        store = f"file://{folder / 'objects'}"
        registry = stack.enter_context(
            serving(
                "framecast_registry",
                environment={
                    "FRAMECAST_LISTEN_ADDRESS": "127.0.0.1:0",
                    "FRAMECAST_DATABASE_URL": f"sqlite:///{folder / 'registry.db'}",
                    "FRAMECAST_OBJECT_STORE_URL": store,
                },
                log=folder / "registry.log",
            )
        )
        ours = stack.enter_context(
            serving(
                "framecast_inference",
                environment={
                    "FRAMECAST_LISTEN_ADDRESS": "127.0.0.1:0",
                    "FRAMECAST_REGISTRY_ADDRESS": registry.address,
                    "FRAMECAST_OBJECT_STORE_URL": store,
                    "FRAMECAST_SPOOL_FOLDER": str(folder / "spool"),
                    "FRAMECAST_DEVICE": "cpu",
                    "FRAMECAST_THREADS": str(THREADS),
                },
                log=folder / "inference.log",
            )
        )
        client = stack.enter_context(framecast.Client(registry.address, inference_address=ours.address))
        for label, (height, width) in SIZES.items():
            model = f"mean-{height}x{width}"
            path, described = folder / f"{model}.onnx", folder / f"{model}.json"
            path.write_bytes(graph(height, width))
            described.write_text(descriptor(height, width))
            client.models.import_onnx(model, graph=path, descriptor=described)
            bare = stack.enter_context(
                serving(
                    "benchmarks.bare_servicer", str(path), str(THREADS), environment={}, log=folder / f"{model}.log"
                )
            )
            ours_channel, bare_channel = (
                stack.enter_context(grpc.insecure_channel(server.address, options=_OPTIONS)) for server in (ours, bare)
            )
            message = request(f"{model}:network", height, width)
            raw = message.raw_input_contents[0]
            ours_stub, bare_stub = (
                grpc_service_pb2_grpc.GRPCInferenceServiceStub(channel) for channel in (ours_channel, bare_channel)
            )
            text = f"float32 [1, 3, {height}, {width}], {len(raw)} bytes"
            its_message = request("peer", height, width)
            count = requests if len(raw) < 10_000 else requests // 4
            unary_peers: dict[str, tuple[Server, Ask]] = {}
            stream_peers: list[tuple[str, Server, Any]] = []
            if pytriton_python is not None:
                peer = stack.enter_context(pytriton(pytriton_python, path, folder / f"{model}-pytriton.log"))
                channel = stack.enter_context(grpc.insecure_channel(peer.address, options=_OPTIONS))
                peer_stub = grpc_service_pb2_grpc.GRPCInferenceServiceStub(channel)
                unary_peers[PYTRITON] = (peer, unary(peer_stub.ModelInfer, its_message))
                stream_peers.append((PYTRITON, peer, peer_stub.ModelStreamInfer))
            yield measure(
                f"unary, {label}",
                f"{text}; {IN_FLIGHT} in flight",
                {
                    US: (ours, unary(ours_stub.ModelInfer, message)),
                    BARE: (bare, unary(bare_stub.ModelInfer, message)),
                    BARE_BYTES: (bare, unary(bare_channel.unary_unary("/bare.Bytes/Infer"), raw)),
                    **unary_peers,
                },
                rounds=rounds,
                requests=count,
            )
            for in_flight in (IN_FLIGHT, 1):
                ask = functools.partial(stream, in_flight=in_flight)
                yield measure(
                    f"stream, {label}",
                    f"{text}; {in_flight} in flight",
                    {
                        US: (ours, ask(ours_stub.ModelStreamInfer, message)),
                        BARE: (bare, ask(bare_stub.ModelStreamInfer, message)),
                        BARE_BYTES: (bare, ask(bare_channel.stream_stream("/bare.Bytes/Stream"), raw)),
                        **{name: (server, ask(call, its_message)) for name, server, call in stream_peers},
                    },
                    rounds=rounds,
                    requests=count,
                )


def show(case: Case) -> None:
    print(f"{case.name}: {case.input}; {case.rounds} rounds of {case.requests}")
    for name, side in case.sides.items():
        cpu, rate, ratio, rates = side.cpu_us, side.per_second, side.our_cpu_ratio, side.our_rate_ratio
        print(
            f"  {name:<28} {cpu.median:8.1f} us ({cpu.low:.1f} to {cpu.high:.1f})  {rate.median:8.0f} /s"
            f"  our CPU {ratio.median:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"
            f"  our rate {rates.median:.2f}x ({rates.low:.2f} to {rates.high:.2f})",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the raw result here")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=400, help="per round and side; a quarter for large tensors")
    parser.add_argument("--pytriton", metavar="PYTHON", help="of an environment that has nvidia-pytriton")
    options = parser.parse_args()
    done, load_before = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(
            Path(folder), rounds=options.rounds, requests=options.requests, pytriton_python=options.pytriton
        ):
            show(case)
            done.append(asdict(case))
    print(f"Does not show: {SHOWS_NOT}")
    if options.json is not None:
        result = {
            **provenance(PACKAGES, ["services", "clients"]),
            "unit": "cpu_us: microseconds of server CPU per request; ratios: ours over the side's, round by round; "
            "median and the 10 % and 90 % points of the rounds",
            "load_before": load_before,
            "shows_not": SHOWS_NOT,
            "cases": done,
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
