"""Whether memory comes back: versions of models are loaded, asked and unloaded by turns, a hundred times.

The inference service is a process of its own; after each cycle its resident memory, open files and threads are read.

    python -m benchmarks.memory_cycles --graph yolox_nano.onnx --descriptor examples/yolox_nano.yaml --picture dog.jpg \
        --json benchmarks/results/memory_cycles.json
"""

import argparse
import json
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from onnx import ModelProto

import framecast
from benchmarks.provenance import provenance
from benchmarks.serving_processes import Server, serving

VERSIONS = 10
PACKAGES = ("grpcio", "numpy", "onnxruntime", "protobuf")
SOURCES = ("services/inference", "services/bundle", "services/runtime")
SHOWS_NOT = (
    "memory of a GPU; models that many ask at the same time; other C libraries than glibc. Four calls may run at a "
    "time, so that all of their threads, each of which keeps some hundred kB, are there before the cycles that count."
)


@dataclass(frozen=True)
class Cycle:
    """What the service held after a version was unloaded."""

    resident_mib: float
    open_files: int
    threads: int


@dataclass(frozen=True)
class Drift:
    """Resident memory of the last ten cycles beside that of the ten behind the warm-up."""

    first_mib: float
    last_mib: float
    percent: float
    highest_mib: float
    """Of any cycle behind the warm-up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--descriptor", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--cycles", type=int, default=100, help="behind the first ten")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        client, server = start(stack, folder)
        versions = import_versions(client, folder, arguments.graph, arguments.descriptor)
        model_mib = client.load(versions[0]).memory_bytes / 2**20
        picture = arguments.picture.read_bytes()
        cycles = []
        for number in range(10 + arguments.cycles):
            version = versions[number % len(versions)]
            client.load(version)
            client.predict(version, [picture])
            client.serving.unload(version)
            cycles.append(read(server))
    drift = drift_of(cycles[10:])
    result = {
        **provenance(PACKAGES, SOURCES),
        "what": f"{VERSIONS} versions of {arguments.graph.name} by turns: load, predict a picture, unload",
        "model_mib": model_mib,
        "drift": asdict(drift),
        "open_files": [cycles[10].open_files, cycles[-1].open_files],
        "threads": [cycles[10].threads, cycles[-1].threads],
        "shows_not": SHOWS_NOT,
        "cycles": [asdict(cycle) for cycle in cycles],
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(f"a model takes {model_mib:.1f} MiB; without one the service holds {drift.first_mib:.1f} MiB")
    print(f"after {arguments.cycles} cycles {drift.last_mib:.1f} MiB ({drift.percent:+.2f} %)")
    print(f"at most {drift.highest_mib:.1f} MiB")
    print(f"files {result['open_files']}, threads {result['threads']}")


def start(stack: ExitStack, folder: Path) -> tuple[framecast.Client, Server]:
    """A registry and an inference service in `folder`, and a client of both."""
    common = {
        "FRAMECAST_LISTEN_ADDRESS": "127.0.0.1:0",
        "FRAMECAST_OBJECT_STORE_URL": f"file://{folder / 'objects'}",
        "FRAMECAST_DEVICE": "cpu",
        "FRAMECAST_SPOOL_FOLDER": str(folder / "spool"),
    }
    database = {"FRAMECAST_DATABASE_URL": f"sqlite:///{folder / 'registry.db'}"}
    registry = stack.enter_context(
        serving("framecast_registry", environment=common | database, log=folder / "registry.log")
    )
    server = stack.enter_context(
        serving(
            "framecast_inference",
            environment=common | {"FRAMECAST_REGISTRY_ADDRESS": registry.address, "FRAMECAST_MAX_CALLS": "4"},
            log=folder / "inference.log",
        )
    )
    client = stack.enter_context(framecast.Client(registry.address, inference_address=server.address))
    return client, server


def import_versions(client: framecast.Client, folder: Path, graph: Path, descriptor: Path) -> list[str]:
    """`VERSIONS` versions of one model, whose files differ."""
    versions = []
    for number in range(VERSIONS):
        model = ModelProto.FromString(graph.read_bytes())
        model.doc_string = f"version {number}"
        file = folder / f"{number}.onnx"
        file.write_bytes(model.SerializeToString())
        versions.append(client.models.import_onnx("cycled", graph=file, descriptor=descriptor).name)
    return versions


def read(server: Server) -> Cycle:
    process = Path(f"/proc/{server.pid}")
    resident = int((process / "statm").read_text().split()[1]) * 4096
    return Cycle(resident / 2**20, len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())))


def drift_of(cycles: list[Cycle]) -> Drift:
    resident = [cycle.resident_mib for cycle in cycles]
    first, last = statistics.median(resident[:10]), statistics.median(resident[-10:])
    return Drift(first, last, 100 * (last / first - 1), max(resident))


if __name__ == "__main__":
    main()
