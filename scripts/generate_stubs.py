"""Generates `framecast.v1` from `proto/` into a source folder: `python scripts/generate_stubs.py [FOLDER]`."""

import os
import sys
import tempfile
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
INIT = '"""The wire contract. Generated from `proto/` by `make proto`; never edited."""\n'


def main() -> int:
    package = (Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "clients/python/src") / "framecast/v1"
    with tempfile.TemporaryDirectory() as scratch:
        fault = generate(Path(scratch))
        if fault:
            return fault
        # Only now that all is well are the old ones touched.
        package.mkdir(parents=True, exist_ok=True)
        for stale in package.glob("*_pb2*"):
            stale.unlink()
        (package / "__init__.py").write_text(INIT)
        for path in (Path(scratch) / "framecast/v1").iterdir():
            (package / path.name).write_bytes(path.read_bytes())
    return 0


def generate(out: Path) -> int:
    """Runs protoc into a folder; returns its exit code."""
    # protoc finds its plugins on PATH; they lie beside this interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/framecast").rglob("*.proto"))
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


if __name__ == "__main__":
    sys.exit(main())
