"""How much memory the inference service needs for 10,000 frames of a video beside 100 of them.

    python -m benchmarks.video_memory [--frames 10000] [--json results/video_memory.json]

The most that the process ever held (VmHWM), after a short stream and after each long one: forward, backward, as a job
whose results are followed. A service whose memory grew with a video's length would show it as tens of bytes per frame.
"""

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.provenance import provenance
from tests.support.exactly_once import write_noise
from tests.support.running_stack import RunningStack
from tests.support.tiny_yolox import write_tiny_yolox

_LIMIT_MIB = 50


def peak_mib(process_id: int) -> float:
    """The most that a process ever held in memory."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--json", type=Path, help="write the raw result there")
    options = parser.parse_args()
    frames: int = options.frames
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, RunningStack(Path(name) / "data") as stack, stack.client() as client:
        graph, descriptor = write_tiny_yolox(Path(name))
        client.models.import_onnx("tiny", graph=graph, descriptor=descriptor)
        write_noise(Path(name) / "noise.mp4", frames)
        video = client.assets.upload(Path(name) / "noise.mp4")
        process = stack.pids["inference"]

        def streamed(count: int, *, backward: bool = False) -> float:
            with client.predict_video("tiny", video, count=count, backward=backward, confidence=0.01) as stream:
                assert sum(1 for _ in stream) == count
            return peak_mib(process)

        rows["100 frames"] = streamed(100)
        rows[f"{frames} frames"] = streamed(frames)
        rows[f"{frames} frames backward"] = streamed(frames, backward=True)
        job = client.inference_jobs.start("tiny", video, confidence=0.01)
        assert sum(1 for _ in job.results()) == frames
        rows[f"a job of {frames} frames"] = peak_mib(process)
    growth = max(rows.values()) - rows["100 frames"]
    for label, mib in rows.items():
        print(f"{label:28} peak {mib:8.1f} MiB")
    print(f"growth {growth:.1f} MiB; the limit is {_LIMIT_MIB}")
    facts = provenance(["av", "grpcio", "onnxruntime"], ["services", "clients/python/src"])
    if options.json:
        options.json.write_text(
            json.dumps({**facts, "peak_mib": rows, "growth_mib": round(growth, 1)}, indent=2) + "\n"
        )
    if growth > _LIMIT_MIB:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
