"""Streams a video while reader and service are killed at random, and compares with an undisturbed run.

    python -m tests.support.exactly_once yolox_nano.onnx --frames 10000 --client-kills 100 --server-kills 20

Without a graph, a network of one convolution stands in. With `--job` an inference job computes the frames, and the
reader follows its results. The reader is a process that appends each result to a file and goes on behind the last
whole line of it; the service is `framecast up`'s, which starts it again.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.support.running_stack import RunningStack
from tests.support.tiny_yolox import write_tiny_yolox

_READER = """
import hashlib
import json
import sys

from framecast import Client
from framecast._reconnecting import patiently

path, asset, job, registry, trainer, inference = sys.argv[1:]
with open(path, "a+b") as file:
    file.seek(0)
    whole = file.read().rpartition(b"\\n")[0]
    file.truncate(len(whole) + 1 if whole else 0)
    done = whole.count(b"\\n") + bool(whole)
    token = json.loads(whole.rpartition(b"\\n")[2])["token"] if whole else ""
    with Client(registry, trainer_address=trainer, inference_address=inference) as client:
        if job:
            stream = patiently(lambda: client.inference_jobs.get(job)).results(position=done)
        else:
            stream = client.predict_video("yolox", client.assets.get(asset), confidence=0.01, resume_token=token)
        for frame in stream:
            found = frame.unwrap().instances
            digest = hashlib.sha256(found.boxes.tobytes() + found.scores.tobytes() + repr(found.names).encode())
            token = getattr(stream, "resume_token", "")
            line = {"frame": frame.frame_index, "digest": digest.hexdigest(), "token": token}
            file.write(json.dumps(line).encode() + b"\\n")
            file.flush()
"""


@dataclass(frozen=True)
class Findings:
    """What the killing did."""

    frames: int
    missing: int
    twice: int
    different: int
    client_kills: int
    server_kills: int
    seconds: float


def write_noise(path: Path, frames: int) -> None:
    """A video of moving blots, 160 x 120, with B-frames."""
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "g": "48", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        for number in range(frames):
            picture = np.roll(small, number, axis=0).repeat(4, axis=0).repeat(4, axis=1).transpose(1, 0, 2)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def check(
    stack: RunningStack,
    folder: Path,
    *,
    frames: int,
    client_kills: int,
    server_kills: int,
    seed: int = 1,
    as_job: bool = False,
) -> Findings:
    """Runs both; the stack must have the model `yolox`. Only the disturbed run is a job."""
    video = folder / "noise.mp4"
    write_noise(video, frames)
    with stack.client() as client:
        asset = client.assets.upload(video).name
    started = time.monotonic()
    undisturbed = _read(stack, folder / "undisturbed.jsonl", asset, "", [], [])
    chance = random.Random(seed)
    clients = sorted(chance.sample(range(2, frames - 2), client_kills))
    servers = sorted(chance.sample(range(2, frames - 2), server_kills))
    job = _start_job(stack, asset) if as_job else ""
    disturbed = _read(stack, folder / "disturbed.jsonl", asset, job, clients, servers)
    got = [line["frame"] for line in disturbed]
    return Findings(
        frames=len(undisturbed),
        missing=len({line["frame"] for line in undisturbed} - set(got)),
        twice=len(got) - len(set(got)),
        different=sum(
            (one["frame"], one["digest"]) != (other["frame"], other["digest"])
            for one, other in zip(undisturbed, disturbed, strict=False)
        ),
        client_kills=client_kills,
        server_kills=server_kills,
        seconds=time.monotonic() - started,
    )


def _read(
    stack: RunningStack, path: Path, asset: str, job: str, clients: list[int], servers: list[int]
) -> list[dict[str, str]]:
    """Reads until all is there; kills once each of the given numbers of results is reached."""
    addresses = [stack.addresses[name] for name in ("registry", "trainer", "inference")]
    clients, servers = list(clients), list(servers)
    reader = None
    while True:
        if reader is None:
            reader = subprocess.Popen([sys.executable, "-c", _READER, str(path), asset, job, *addresses])
        code = reader.poll()
        if code == 0:
            break
        if code is not None and code != -signal.SIGKILL:
            raise AssertionError(f"the reader ended with {code}")
        done = path.read_bytes().count(b"\n") if path.exists() else 0
        if servers and done >= servers[0]:
            servers.pop(0)
            for pid in _service_pids(stack):
                os.kill(pid, signal.SIGKILL)
        if clients and done >= clients[0]:
            clients.pop(0)
            reader.kill()
            reader.wait()
            reader = None
        time.sleep(0.005)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert not clients, f"{len(clients)} kills of the reader did not happen"
    assert not servers, f"{len(servers)} kills of the service did not happen"
    return lines


def _start_job(stack: RunningStack, asset: str) -> str:
    with stack.client() as client:
        stored = client.assets.get(asset)
        return client.inference_jobs.start("yolox", stored, confidence=0.01).name


def _service_pids(stack: RunningStack) -> list[int]:
    done = subprocess.run(
        ["pgrep", "-P", str(stack.process.pid), "-f", "framecast_inference"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(line) for line in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", type=Path, nargs="?", help="yolox_nano.onnx as published")
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--client-kills", type=int, default=100)
    parser.add_argument("--server-kills", type=int, default=20)
    parser.add_argument("--job", action="store_true", help="as an inference job")
    parser.add_argument("--save", type=Path, help="write the findings there, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, RunningStack(Path(name) / "data") as stack:
        graph, descriptor = write_tiny_yolox(Path(name))
        if options.graph:
            graph, descriptor = options.graph, Path(__file__).parents[2] / "examples/yolox_nano.yaml"
        with stack.client() as client:
            client.models.import_onnx("yolox", graph=graph, descriptor=descriptor)
        findings = check(
            stack,
            Path(name),
            frames=options.frames,
            client_kills=options.client_kills,
            server_kills=options.server_kills,
            as_job=options.job,
        )
    print(findings)
    if options.save:
        facts = {"model": str(options.graph or "tiny_yolox"), "as_job": options.job, **asdict(findings)}
        options.save.write_text(json.dumps(facts, indent=2) + "\n")
    if findings.missing or findings.twice or findings.different:
        sys.exit(1)


if __name__ == "__main__":
    main()
