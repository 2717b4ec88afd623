"""A video's stream through the whole service beside a bare loop in one process, with the same session and batch.

Ours: gRPC over localhost, `PredictVideo` of a stored video, boxes decoded, suppressed and sent. The loop: PyAV decodes,
the frame is resized into the tensor, the session runs, and what it answers is let go. Sides take turns.

    python -m benchmarks.video_stream --json benchmarks/results/video_stream.json
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc

import framecast
from benchmarks import bare_loop, video_networks
from benchmarks.provenance import provenance
from benchmarks.rounds import Spread, in_turn, ratios, spread
from benchmarks.serving_processes import Server, serving
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import PredictVideoRequest, PredictVideoResponse
from framecast.v1.inference_settings_pb2 import InferenceSettings

US = "framecast"
VIDEO = Path(__file__).resolve().parents[2] / "shared/data/videos/car_h264_cfr.mp4"
FRAMES = {"small": 377, "yolov5n": 40}
"""Of the video, in each round."""
SHOWS_NOT = (
    "GPUs, where preparation and decoding weigh more; results with many masks; TLS; clients on other machines. The "
    "client shares the cores with the service, whose frames per second suffer from it; it lets messages go unread."
)
PACKAGES = ("av", "grpcio", "numpy", "onnxruntime", "opencv-python-headless", "protobuf")
_METHOD = "/framecast.v1.InferenceService/PredictVideo"


@dataclass(frozen=True)
class Side:
    cpu_ms: Spread
    """Of the process that infers, per frame."""
    frames_per_s: Spread
    our_cpu_ratio: Spread
    """Ours over this side's, round by round."""
    our_rate_ratio: Spread
    """The same for frames per second."""


@dataclass(frozen=True)
class Case:
    network: str
    frames: int
    """In each round, per side."""
    rounds: int
    threads: int
    batch: int
    sides: dict[str, Side]


Round = Callable[[], tuple[float, float]]
"""CPU seconds and wall seconds of one round."""


def ours(service: Server, channel: grpc.Channel, request: PredictVideoRequest) -> Round:
    call: Any = channel.unary_stream(_METHOD, request_serializer=PredictVideoRequest.SerializeToString)
    count = request.frame_range.count

    def run() -> tuple[float, float]:
        before, start = service.process_seconds(), time.monotonic()
        messages = sum(1 for _ in call(request))
        wall = time.monotonic() - start
        if messages != count + 1:
            raise RuntimeError(f"{messages - 1} frames came, not {count}")
        return service.process_seconds() - before, wall

    return run


@contextmanager
def bare(graph: Path, video: Path, *, threads: int, batch: int, prepare: str, frames: int) -> Iterator[Round]:
    command = [sys.executable, "-m", "benchmarks.bare_loop", str(graph), str(video), str(threads), str(batch), prepare]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    reader, writer = process.stdout, process.stdin
    reader.readline()

    def run() -> tuple[float, float]:
        print(frames, file=writer, flush=True)
        answer = json.loads(reader.readline())
        return answer["cpu_s"], answer["wall_s"]

    try:
        yield run
    finally:
        writer.close()
        process.wait()


def measure(sides: dict[str, Round], *, rounds: int, frames: int) -> dict[str, Side]:
    cpu: dict[str, list[float]] = {side: [] for side in sides}
    rate: dict[str, list[float]] = {side: [] for side in sides}
    for run in sides.values():
        run()
    for number in range(rounds):
        for side, run in in_turn(sides, number):
            seconds, wall = run()
            cpu[side].append(seconds / frames * 1000)
            rate[side].append(frames / wall)

    return {
        side: Side(spread(cpu[side]), spread(rate[side]), ratios(cpu[US], cpu[side]), ratios(rate[US], rate[side]))
        for side in sides
    }


def cases(folder: Path, options: argparse.Namespace) -> Iterator[Case]:
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
        service = stack.enter_context(
            serving(
                "framecast_inference",
                environment={
                    "FRAMECAST_LISTEN_ADDRESS": "127.0.0.1:0",
                    "FRAMECAST_REGISTRY_ADDRESS": registry.address,
                    "FRAMECAST_OBJECT_STORE_URL": store,
                    "FRAMECAST_SPOOL_FOLDER": str(folder / "spool"),
                    "FRAMECAST_DEVICE": "cpu",
                    "FRAMECAST_THREADS": str(options.threads),
                    "FRAMECAST_MAX_BATCH": str(options.batch),
                    "FRAMECAST_METRICS_ADDRESS": "127.0.0.1:0",
                },
                log=folder / "inference.log",
            )
        )
        client = stack.enter_context(framecast.Client(registry.address, inference_address=service.address))
        channel = stack.enter_context(grpc.insecure_channel(service.address))
        video = client.assets.upload(options.video)
        for network in options.networks:
            graph, described = folder / f"{network}.onnx", folder / f"{network}.json"
            video_networks.NETWORKS[network](graph)
            described.write_text(video_networks.descriptor(network))
            version = client.models.import_onnx(network, graph=graph, descriptor=described)
            frames = options.frames or FRAMES[network]
            request = PredictVideoRequest(
                model_version=version.name,
                asset=video.name,
                frame_range=FrameRange(count=frames),
                settings=InferenceSettings(confidence_threshold=0.25, iou_threshold=0.45),
            )
            show_first(channel, request)
            with ExitStack() as others:
                sides = {US: ours(service, channel, request)}
                for prepare in bare_loop.PREPARE:
                    sides[f"bare loop, {prepare}"] = others.enter_context(
                        bare(
                            graph,
                            options.video,
                            threads=options.threads,
                            batch=options.batch,
                            prepare=prepare,
                            frames=frames,
                        )
                    )
                measured = measure(sides, rounds=options.rounds, frames=frames)
            yield Case(network, frames, options.rounds, options.threads, options.batch, measured)


def show_first(channel: grpc.Channel, request: PredictVideoRequest) -> None:
    """Says how much there is in a frame's answer."""
    call: Any = channel.unary_stream(_METHOD, request_serializer=PredictVideoRequest.SerializeToString)
    found = [len(PredictVideoResponse.FromString(message).result.prediction.instances) for message in call(request)]
    print(f"boxes in a frame: {statistics.mean(found[1:]):.1f}", flush=True)


def show(case: Case) -> None:
    print(
        f"{case.network}: {case.rounds} rounds of {case.frames} frames, batches of {case.batch}, "
        f"{case.threads} threads for the network"
    )
    for name, side in case.sides.items():
        cpu, rate, ratio, rates = side.cpu_ms, side.frames_per_s, side.our_cpu_ratio, side.our_rate_ratio
        print(
            f"  {name:<20} {cpu.median:7.2f} ms CPU ({cpu.low:.2f} to {cpu.high:.2f})  {rate.median:7.1f} frames/s"
            f"  our CPU {ratio.median:.2f}x ({ratio.low:.2f} to {ratio.high:.2f})"
            f"  our rate {rates.median:.2f}x ({rates.low:.2f} to {rates.high:.2f})",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the raw result here")
    parser.add_argument("--video", type=Path, default=VIDEO, help="an H.264 video that is not turned")
    parser.add_argument("--networks", nargs="+", choices=[*video_networks.NETWORKS], default=[*video_networks.NETWORKS])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--frames", type=int, help="per round and side")
    parser.add_argument("--threads", type=int, default=1, help="for a run of the network")
    parser.add_argument("--batch", type=int, default=1, help="frames in a run")
    options = parser.parse_args()
    done, load_before = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder), options):
            show(case)
            done.append(asdict(case))
    print(f"Does not show: {SHOWS_NOT}")
    if options.json is not None:
        result = {
            **provenance(PACKAGES, ["services", "clients", "core"]),
            "unit": "cpu_ms: milliseconds of CPU of the inference process, or of the loop's, per frame; ratios: ours "
            "over the side's, round by round; median and the 10 % and 90 % points of the rounds",
            "video": options.video.name,
            "load_before": load_before,
            "shows_not": SHOWS_NOT,
            "cases": done,
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
