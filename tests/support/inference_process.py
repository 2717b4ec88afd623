"""The inference service as its own process, to be killed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InferenceProcess:
    """A process that serves."""

    process: subprocess.Popen[str]
    address: str


@contextmanager
def inference_process(
    folder: Path, *, registry_address: str, object_store_url: str, listen_address: str = "127.0.0.1:0", **settings: str
) -> Iterator[InferenceProcess]:
    """Runs `python -m framecast_inference` until the block ends; `settings` are further ones, such as `threads`."""
    environment = {
        **os.environ,
        "FRAMECAST_LISTEN_ADDRESS": listen_address,
        "FRAMECAST_REGISTRY_ADDRESS": registry_address,
        "FRAMECAST_OBJECT_STORE_URL": object_store_url,
        "FRAMECAST_SPOOL_FOLDER": str(folder / "spool"),
        "FRAMECAST_DEVICE": "cpu",
        **{f"FRAMECAST_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "framecast_inference"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        yield InferenceProcess(process, f"127.0.0.1:{_port(process)}")
    finally:
        process.kill()
        process.wait()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{") and json.loads(line)["event"] == "serving":
            # Somebody must go on reading, or the process stops at a full pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return int(json.loads(line)["port"])
    raise AssertionError("the service did not start:\n" + "".join(lines))
