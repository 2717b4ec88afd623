"""Takes every network of the library through its whole way, with random weights: create, export, compare with PyTorch,
register, serve, predict on a photo. Prints a table; exits with 1 where one of them fails.

    python scripts/sweep_library.py [NAME ...] --picture street.jpg

A NAME is an architecture or `architecture/backbone`; without any, all of them are taken, each with each backbone.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from framecast.errors import FramecastError
from framecast.transport import open_channel
from framecast.v1.inference_service_pb2 import ImageSource, PredictImagesRequest, PredictImagesResponse
from framecast.v1.inference_service_pb2_grpc import InferenceServiceStub
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_pb2 import Task
from framecast_bundle import manifest as bundle_manifest
from framecast_trainer.learning.architectures import ARCHITECTURES, SERVED_ONLY, Architecture
from tests.support.exported_models import register_export
from tests.support.inference_server import inference
from tests.support.registry_server import registry

EVERYTHING = InferenceSettings(confidence_threshold=0.0, max_detections=20)
_SMALL = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--picture", type=Path, required=True)
    options = parser.parse_args()
    wanted = set(options.names)
    chosen = [
        (entry, backbone)
        for entry, backbone in networks()
        if not wanted or entry.id in wanted or f"{entry.id}/{backbone}" in wanted
    ]
    if not chosen:
        parser.error(f"the library has none of {', '.join(options.names)}")
    print(f"{'network':44} {'task':24} {'size':>5} {'parity':>8} {'MiB':>6} {'export':>7} {'answer':>7}  finds")
    failures = 0
    for entry, backbone in chosen:
        failures += not sweep(entry, backbone, options.picture)
    print(f"{len(chosen)} networks, {failures} failed")
    sys.exit(failures > 0)


def networks() -> Iterator[tuple[Architecture, str]]:
    for entry in (ARCHITECTURES | SERVED_ONLY).values():
        for backbone in entry.backbones or ("",):
            yield entry, backbone


def sweep(entry: Architecture, backbone: str, picture: Path) -> bool:
    """One network in services of its own, so that disk and memory are free again after it."""
    name = "/".join(filter(None, (entry.id, backbone)))
    size = entry.defaults_for(backbone).image_size
    if size % entry.size_multiple == 0 and entry.size_multiple <= 32 and not entry.id.startswith("vgg"):
        size = min(size, _SMALL)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            print(f"{name:44} {row(entry, backbone, size, picture, Path(scratch))}", flush=True)
    except (FramecastError, AssertionError, RuntimeError, ValueError) as error:
        print(f"{name:44} FAILED: {error}", flush=True)
        return False
    return True


def row(entry: Architecture, backbone: str, size: int, picture: Path, scratch: Path) -> str:
    with (
        registry(scratch) as registered,
        inference(
            scratch, registry_address=registered.address, object_store_url=registered.object_store_url
        ) as inferring,
        open_channel(registered.address) as registry_channel,
        open_channel(inferring.address) as inference_channel,
    ):
        start = time.monotonic()
        folder = scratch / "bundle"
        version = register_export(
            entry,
            registry_channel,
            registered.object_store_url,
            folder,
            picture,
            image_size=size,
            backbone=backbone,
        )
        exported = time.monotonic() - start
        manifest = bundle_manifest.read(folder)
        request = PredictImagesRequest(
            model_version=version, images=[ImageSource(data=picture.read_bytes())], settings=EVERYTHING
        )
        stub = InferenceServiceStub(inference_channel)
        stub.PredictImages(request)
        start = time.monotonic()
        response = stub.PredictImages(request)
        answered = time.monotonic() - start
        weight = sum(file.size_bytes for file in manifest.files if file.path.endswith(".onnx")) / 2**20
        task = Task.Name(manifest.task)
        return (
            f"{task.removeprefix('TASK_').lower():24} {size:5} {1 - manifest.parity.exported_value:8.1e} {weight:6.0f} "
            f"{exported:6.1f}s {answered:6.2f}s  {finds(response)}"
        )


def finds(response: PredictImagesResponse) -> str:
    """What the answer holds; an empty one is a failure, for nothing was shown to work."""
    prediction = response.results[0].prediction
    if prediction.labels:
        return f"{len(prediction.labels)} labels"
    if prediction.HasField("segmentation"):
        return f"{len(prediction.segmentation.segments)} segments"
    if not prediction.instances:
        raise ValueError("it finds nothing, so nothing was shown")
    polygons = sum(len(instance.polygons) for instance in prediction.instances)
    keypoints = sum(len(instance.keypoints) for instance in prediction.instances)
    parts = [f"{len(prediction.instances)} boxes", f"{polygons} polygons", f"{keypoints} keypoints"]
    return ", ".join(part for part in parts if not part.startswith("0 "))


if __name__ == "__main__":
    main()
