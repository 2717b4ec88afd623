"""Many readers of one service: slow ones beside fast ones, and 200 streams at once.

A slow reader takes one frame a second. What the service holds for it must stay bounded, and the fast streams must come
as fast as without it. Then 200 streams begin in the same moment, and each must give every frame, in order.

    python -m benchmarks.streams_at_once --json benchmarks/results/streams_at_once.json
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import grpc

import framecast
from benchmarks import video_networks
from benchmarks.provenance import provenance
from benchmarks.serving_processes import Server, serving
from benchmarks.video_stream import PACKAGES, VIDEO
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import PredictVideoRequest, PredictVideoResponse

MIB = 1 << 20
SHOWS_NOT = "readers on other machines; videos of more pixels, whose decoders hold more; how fast 200 streams could be."
_SETTLE_S = 120.0
_IDLE_SHARE = 0.2
"""Of a core; less is what a frame a second for each slow reader takes."""
_METHOD = "/framecast.v1.InferenceService/PredictVideo"


@dataclass(frozen=True)
class Beside:
    """Fast streams, with and without slow ones beside them; rounds take turns."""

    fast: int
    slow: int
    frames_per_s_alone: list[float]
    """Of all fast streams together, round by round."""
    frames_per_s_beside: list[float]
    ratio: float
    """Of the medians."""
    slow_frames: int
    """That the slow readers took, over all rounds."""
    memory_mib: list[float]
    """Of the service, after each round."""


@dataclass(frozen=True)
class AtOnce:
    streams: int
    frames: int
    """Of each."""
    complete: int
    """Streams that gave every frame, in order."""
    seconds: float
    first_frame_s: list[float]
    """When the first stream, the median one and the last one had their first frame."""
    threads: int
    """The most that the service had."""
    memory_before_mib: float
    memory_peak_mib: float


@dataclass
class Watch:
    """The most that a process had at any moment."""

    server: Server
    threads: int = 0
    memory: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)

    def look(self) -> float:
        """MiB of resident memory."""
        fields = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
            if ":" in line
        )
        memory = int(fields["VmRSS"].split()[0]) / 1024
        self.threads, self.memory = max(self.threads, int(fields["Threads"])), max(self.memory, memory)
        return memory

    @contextmanager
    def looking(self) -> Iterator[None]:
        def run() -> None:
            while not self._done.wait(0.1):
                self.look()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()


def open_stream(channel: grpc.Channel, request: PredictVideoRequest) -> Any:
    call: Any = channel.unary_stream(
        _METHOD,
        request_serializer=PredictVideoRequest.SerializeToString,
        response_deserializer=PredictVideoResponse.FromString,
    )
    return call(request)


def indexes(stream: Any, on_first: Callable[[], None] = lambda: None) -> list[int]:
    """Of the frames that come."""
    next(stream)
    found: list[int] = []
    for message in stream:
        if not found:
            on_first()
        found.append(message.result.frame_index)
    return found


class SlowReaders:
    """Each takes a frame a second, until the block ends; half of them share one connection."""

    def __init__(self, address: str, request: PredictVideoRequest, count: int) -> None:
        self._address = address
        self._request = request
        self._count = count
        self._stopped = threading.Event()
        self.frames = 0

    def __enter__(self) -> "SlowReaders":
        self._stack = ExitStack()
        shared = self._stack.enter_context(grpc.insecure_channel(self._address))
        channels = [
            shared if number % 2 else self._stack.enter_context(grpc.insecure_channel(self._address))
            for number in range(self._count)
        ]
        self._streams = [open_stream(channel, self._request) for channel in channels]
        self._threads = [threading.Thread(target=self._read, args=(stream,)) for stream in self._streams]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for stream in self._streams:
            stream.cancel()
        for thread in self._threads:
            thread.join()
        self._stack.close()

    def _read(self, stream: Any) -> None:
        try:
            for _ in stream:
                self.frames += 1
                if self._stopped.wait(1.0):
                    return
        except grpc.RpcError:
            if not self._stopped.is_set():
                raise


def settle(server: Server) -> None:
    """Waits until the slow readers' connections are full, and the service no longer works ahead for them."""
    until = time.monotonic() + _SETTLE_S
    while time.monotonic() < until:
        before = server.process_seconds()
        time.sleep(1.0)
        if server.process_seconds() - before < _IDLE_SHARE:
            return
    raise RuntimeError(f"the service still works ahead for slow readers after {_SETTLE_S:.0f} s")


def beside(server: Server, request: PredictVideoRequest, *, fast: int, slow: int, rounds: int) -> Beside:
    frames = request.frame_range.count
    endless = PredictVideoRequest()
    endless.CopyFrom(request)
    endless.frame_range.Clear()
    watch = Watch(server)
    alone: list[float] = []
    together: list[float] = []
    memory: list[float] = []
    with grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor(fast) as pool:

        def run() -> float:
            start = time.monotonic()
            streams = [open_stream(channel, request) for _ in range(fast)]
            for found in pool.map(indexes, streams):
                if found != list(range(frames)):
                    raise RuntimeError(f"a fast stream gave {len(found)} frames, not {frames}")
            return fast * frames / (time.monotonic() - start)

        run()
        taken = 0
        for _ in range(rounds):
            alone.append(run())
            with SlowReaders(server.address, endless, slow) as readers:
                settle(server)
                together.append(run())
                memory.append(watch.look())
            taken += readers.frames
    ratio = statistics.median(together) / statistics.median(alone)
    return Beside(fast, slow, alone, together, ratio, taken, memory)


def at_once(server: Server, request: PredictVideoRequest, *, streams: int) -> AtOnce:
    frames = request.frame_range.count
    watch = Watch(server)
    before = watch.look()
    firsts: list[float] = []
    with (
        watch.looking(),
        grpc.insecure_channel(server.address) as channel,
        ThreadPoolExecutor(streams) as pool,
    ):
        start = time.monotonic()
        opened = [open_stream(channel, request) for _ in range(streams)]
        found = list(pool.map(lambda each: indexes(each, lambda: firsts.append(time.monotonic() - start)), opened))
        seconds = time.monotonic() - start
    complete = sum(each == list(range(frames)) for each in found)
    spread = [firsts[0], statistics.median(firsts), firsts[-1]]
    return AtOnce(streams, frames, complete, seconds, spread, watch.threads, before, watch.memory)


@contextmanager
def prepared(folder: Path, video: Path) -> Iterator[tuple[Server, PredictVideoRequest]]:
    """A service, and a request for a stored video through the small network."""
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
                },
                log=folder / "inference.log",
            )
        )
        client = stack.enter_context(framecast.Client(registry.address, inference_address=service.address))
        graph, described = folder / "small.onnx", folder / "small.json"
        video_networks.small(graph)
        described.write_text(video_networks.descriptor("small"))
        version = client.models.import_onnx("small", graph=graph, descriptor=described)
        asset = client.assets.upload(video)
        yield service, PredictVideoRequest(model_version=version.name, asset=asset.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the raw result here")
    parser.add_argument("--video", type=Path, default=VIDEO)
    parser.add_argument("--fast", type=int, default=4)
    parser.add_argument("--slow", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--frames", type=int, default=100, help="of a fast stream; a fifth of it for 200 streams")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder), options.video) as (service, request):
        request.frame_range.CopyFrom(FrameRange(count=options.frames))
        first = beside(service, request, fast=options.fast, slow=options.slow, rounds=options.rounds)
        print(
            f"{first.fast} fast streams: {statistics.median(first.frames_per_s_alone):.0f} frames/s alone, "
            f"{statistics.median(first.frames_per_s_beside):.0f} beside {first.slow} slow ones ({first.ratio:.2f}x); "
            f"memory after each round {', '.join(f'{each:.0f}' for each in first.memory_mib)} MiB",
            flush=True,
        )
        request.frame_range.CopyFrom(FrameRange(count=options.frames // 5))
        second = at_once(service, request, streams=options.streams)
        print(
            f"{second.complete} of {second.streams} streams complete, {second.frames} frames each, in "
            f"{second.seconds:.1f} s, the first of them after "
            f"{', '.join(f'{each:.1f}' for each in second.first_frame_s)} s; "
            f"{second.threads} threads, {second.memory_before_mib:.0f} to {second.memory_peak_mib:.0f} MiB"
        )
    print(f"Does not show: {SHOWS_NOT}")
    if options.json is not None:
        result = {
            **provenance(PACKAGES, ["services", "clients", "core"]),
            "video": options.video.name,
            "shows_not": SHOWS_NOT,
            "slow_readers": asdict(first),
            "at_once": asdict(second),
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
