"""Lays out google/api and google/rpc, which our protos import, in a folder for buf: `copy_google_protos.py FOLDER`."""

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path


def main() -> int:
    target = Path(sys.argv[1])
    package = distribution("googleapis-common-protos")
    for path in package.files or []:
        if path.suffix == ".proto" and path.parts[:2] in (("google", "api"), ("google", "rpc")):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(package.locate_file(path)), target / path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
