"""`python -m framecast_trainer.worker RUN_FOLDER`: trains, stores the bundle, reports; knows nobody but its folder.

The launcher hands it the run folder's lock as an open file, which it holds, unused, as long as it lives.
"""

import faulthandler
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from framecast.errors import CancelledError, FramecastError, UnavailableError
from framecast.names import BLOB
from framecast_runtime.object_store import ObjectStore, blob_path, open_object_store
from framecast_trainer.registry_client import RegistryClient
from framecast_trainer.run_event import ProgressMade, RunEvent, RunFailed, RunStarted, RunStopped, RunSucceeded
from framecast_trainer.run_folder import RunFolder
from framecast_trainer.run_spec import RunSpec

_LOOK_S = 0.5
_PATIENCE_S = 120.0

T = TypeVar("T")


class StopSignal:
    """Whether somebody wants the run to end: by SIGTERM, or by the marker in the run folder."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._asked = False
        self._looked = 0.0
        signal.signal(signal.SIGTERM, self._on_signal)

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._asked and now - self._looked > _LOOK_S:
            self._looked = now
            self._asked = self._folder.stop_asked()
        return self._asked

    def check(self) -> None:
        """Raises CancelledError once it is so."""
        if self():
            raise CancelledError("the run was asked to stop", reason="TRAINING_CANCELLED")

    def _on_signal(self, *_: object) -> None:
        self._asked = True


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    folder = RunFolder(Path(arguments[1]))
    return conduct(folder, lambda stop: run(folder, folder.spec(), stop))


def conduct(folder: RunFolder, work: Callable[[StopSignal], RunSucceeded]) -> int:
    """Does the work and reports how it ended, whatever happens: 0 for a bundle, 1 for none."""
    faulthandler.enable()
    folder.append(RunStarted(os.getpid()))
    try:
        end: RunEvent = work(StopSignal(folder))
    except CancelledError:
        say("stopped")
        end = RunStopped()
    except Exception as error:
        traceback.print_exc()
        end = failure(error)
    folder.append(end, durable=True)
    folder.tidy()
    return 0 if isinstance(end, RunSucceeded) else 1


def run(folder: RunFolder, spec: RunSpec, stop: StopSignal) -> RunSucceeded:
    """Data, training, bundle. The only place that calls the learner."""
    say(f"{spec.training_job}: {spec.architecture} on {spec.dataset_version}")
    folder.append(ProgressMade("preparing"))
    from framecast_trainer.dataset_source import load_training_data
    from framecast_trainer.learning.config import TrainConfig  # torch takes seconds: the run shows as begun by now
    from framecast_trainer.learning.train import train
    from framecast_trainer.run_reporter import LEARNING_SHARE, RunReporter

    store = open_object_store(spec.object_store_url)
    with RegistryClient(spec.registry_address) as registry:
        data = patiently(lambda: load_training_data(registry, store, spec.dataset_version, stop.check), stop)
    say(f"{len(data.train)} pictures to learn from, {len(data.validation)} to measure on")
    folder.scratch.mkdir(exist_ok=True)
    config = TrainConfig(
        architecture=spec.architecture,
        backbone=spec.config.backbone,
        epochs=spec.config.epochs,
        batch_size=spec.config.batch_size,
        image_size=spec.config.image_size,
        learning_rate=spec.config.learning_rate,
        weight_decay=spec.config.weight_decay,
        device=spec.config.device.value,
        seed=spec.config.seed,
        max_duration_s=spec.config.max_duration_s,
        weights=patiently(lambda: fetch_weights(spec.config.weights, store, folder.scratch), stop),
        augment=spec.config.augment,
    )
    result = train(
        data,
        config,
        output=folder.scratch,
        lineage=_lineage(spec),
        on_event=RunReporter(folder.append, say),
        should_stop=stop,
    )
    folder.append(ProgressMade("publishing", config.epochs or 0, config.epochs or 0, fraction=LEARNING_SHARE))
    from framecast_trainer.bundle_upload import upload_bundle

    digest = patiently(lambda: upload_bundle(result.bundle_folder, store, stop.check), stop)
    say(f"bundle {digest}: " + json.dumps(result.metrics))
    return RunSucceeded(digest, result.metrics)


def patiently(call: Callable[[], T], stop: StopSignal, patience_s: float = _PATIENCE_S) -> T:
    """Repeats a call, which must bear it, while what it asks is away: a restart there is no reason to fail."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return call()
        except UnavailableError as error:
            if time.monotonic() > deadline:
                raise
            say(f"waiting: {error.message}")
        stop.check()
        time.sleep(_LOOK_S)


def failure(error: Exception) -> RunFailed:
    """framecast's own errors keep their reason; anything else is a crash, whose traceback is in the log."""
    if isinstance(error, FramecastError):
        return RunFailed(type(error).__name__, error.reason, error.message, error.metadata)
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        advice = "lower batch_size or image_size"
        return RunFailed("ResourceExhaustedError", "OUT_OF_MEMORY", f"memory ran out; {advice} ({text})")
    return RunFailed("InternalError", "TRAINING_CRASHED", text)


def say(text: str) -> None:
    """A line of the job's log."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def _lineage(spec: RunSpec) -> dict[str, str]:
    from importlib.metadata import version

    return {
        "training_job": spec.training_job,
        "dataset_version": spec.dataset_version,
        "dataset_digest": spec.dataset_digest,
        "framecast_version": version("framecast-services"),
    }


def fetch_weights(weights: str, store: ObjectStore, folder: Path) -> str:
    """A stored file is fetched, other names stay; the learner tells formats apart by their first bytes."""
    if not BLOB.matches(weights):
        return weights
    path = blob_path(BLOB.parse(weights)["sha256"])
    target = folder / "initial_weights"
    with target.open("wb") as file:
        for chunk in store.chunks(path):
            file.write(chunk)
    return str(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
