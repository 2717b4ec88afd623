"""A worker that learns nothing but keeps to the run folder's protocol: `stand_in_worker.py MODE RUN_FOLDER`.

Modes: `quick` and `slow` (2 s) succeed, `endless` works until it is stopped, `deaf` does not even stop then,
`crash` raises, `refuse` fails with a typed error, `vanish` ends without a word.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

from google.protobuf import json_format

from framecast.errors import FailedPreconditionError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_runtime.object_store import open_object_store
from framecast_trainer.run_event import MetricTaken, ProgressMade, RunSucceeded
from framecast_trainer.run_folder import RunFolder
from framecast_trainer.worker import StopSignal, conduct, say

STEPS = {"quick": 3, "slow": 40, "endless": 100_000, "deaf": 100_000}
STEP_S = 0.05


def bundle(folder: RunFolder) -> str:
    """Stores the smallest bundle that a registry accepts."""
    spec = folder.spec()
    store = open_object_store(spec.object_store_url)
    graph = f"graph of {spec.training_job}".encode()
    store.put_blob(graph)
    manifest = ModelBundle(format_version=1, task=2, architecture=spec.architecture)  # type: ignore[arg-type]
    manifest.files.add(path="network.onnx", sha256=hashlib.sha256(graph).hexdigest(), size_bytes=len(graph))
    return store.put_blob(json.dumps(json_format.MessageToDict(manifest)).encode())


def work(folder: RunFolder, mode: str, stop: StopSignal) -> RunSucceeded:
    if mode == "vanish":
        print("the last words", flush=True)
        os._exit(7)
    if mode == "refuse":
        raise FailedPreconditionError("the loss is no number", reason="LOSS_NOT_FINITE", epoch=1)
    count = STEPS[mode]
    for step in range(1, count + 1):
        if mode != "deaf":
            stop.check()
        folder.append(ProgressMade("training", 0, 1, step, count, step / count * 0.98))
        folder.append(MetricTaken("loss", 1 / step, step, 0, time.time()))
        say(f"step {step} µ")
        time.sleep(STEP_S)
    return RunSucceeded(bundle(folder), {"mAP50": 0.5})


if __name__ == "__main__":
    run = RunFolder(Path(sys.argv[2]))
    sys.exit(conduct(run, lambda stop: work(run, sys.argv[1], stop)))
