"""Generates `framecast.v1` from `proto/` into a source folder: `python scripts/generate_stubs.py [FOLDER]`."""

import sys
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "clients/python/src"
    package = out / "framecast/v1"
    package.mkdir(parents=True, exist_ok=True)
    for stale in package.glob("*_pb2*"):
        stale.unlink()
    (package / "__init__.py").write_text(
        '"""The wire contract. Generated from `proto/` by `make proto`; never edited."""\n'
    )
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/framecast").rglob("*.proto"))
    services = [path for path in protos if path.endswith("_service.proto")]
    # google/api and google/rpc come with googleapis-common-protos, google/protobuf with grpcio-tools.
    google_api = distribution("googleapis-common-protos").locate_file("")
    include = [f"-I{ROOT / 'proto'}", f"-I{google_api}", f"-I{files('grpc_tools') / '_proto'}"]
    messages = protoc.main(["protoc", *include, f"--python_out={out}", f"--mypy_out=quiet:{out}", *protos])
    return messages or protoc.main(
        ["protoc", *include, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services]
    )


if __name__ == "__main__":
    sys.exit(main())
