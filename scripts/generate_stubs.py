"""Generates the stubs from `proto/` into a tree like the repository's: `python scripts/generate_stubs.py [TREE]`."""

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Package:
    """A folder of protos, and the Python package that its stubs become."""

    protos: str
    """Below `proto/`; protoc names the modules after it."""
    source: str
    """The folder on Python's path that holds the package."""
    module: str
    contents: str
    """What the package's docstring says of it."""


PACKAGES = (
    Package("framecast/v1", "clients/python/src", "framecast.v1", "The wire contract."),
    # Not in the client: a process that has these and Triton's own client would hold the messages twice, which
    # protobuf refuses. Not `inference`, which others call themselves, too.
    Package(
        "inference/v2",
        "services/inference",
        "framecast_inference.open_inference.v2",
        "The Open Inference Protocol's messages.",
    ),
)


def main() -> int:
    tree = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    with tempfile.TemporaryDirectory() as scratch:
        fault = generate(Path(scratch))
        if fault:
            return fault
        # Only now that all is well are the old ones touched.
        for package in PACKAGES:
            install(package, Path(scratch), tree)
    return 0


def generate(out: Path) -> int:
    """Runs protoc into a folder; returns its exit code."""
    # protoc finds its plugins on PATH; they lie beside this interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    protos = sorted(
        str(path.relative_to(ROOT / "proto"))
        for package in PACKAGES
        for path in (ROOT / "proto" / package.protos).rglob("*.proto")
    )
    services = [path for path in protos if path.endswith("_service.proto")]
    # google/api and google/rpc come with googleapis-common-protos, google/protobuf with grpcio-tools.
    google_api = distribution("googleapis-common-protos").locate_file("")
    include = [f"-I{ROOT / 'proto'}", f"-I{google_api}", f"-I{files('grpc_tools') / '_proto'}"]
    messages: int = protoc.main(["protoc", *include, f"--python_out={out}", f"--mypy_out=quiet:{out}", *protos])
    if messages:
        return messages
    stubs: int = protoc.main(
        ["protoc", *include, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services]
    )
    return stubs


def install(package: Package, scratch: Path, tree: Path) -> None:
    """Puts a package's fresh stubs in the place of its old ones."""
    folder = tree / package.source / package.module.replace(".", "/")
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*_pb2*"):
        stale.unlink()
    (folder / "__init__.py").write_text(
        f'"""{package.contents} Generated from `proto/` by `make proto`; never edited."""\n'
    )
    # protoc imports by the protos' own folders.
    imported = re.compile(rf"\b{re.escape(package.protos.replace('/', '.'))}\b(?= import|\.\w+_pb2| as)")
    for path in (scratch / package.protos).iterdir():
        (folder / path.name).write_text(imported.sub(package.module, path.read_text()))


if __name__ == "__main__":
    sys.exit(main())
