"""Exports a network without training it, and registers it as a model of a running framecast.

    python scripts/export_architecture.py lraspp_mobilenet_v3_large roads --classes road,car --picture street.jpg
    python scripts/export_architecture.py keypoint_rcnn people --classes person --keypoints nose,left_eye,right_eye \\
        --backbone resnet50 --weights DEFAULT --picture people.jpg

The pictures are what the exported graphs and PyTorch are compared on. Weights are random unless `--weights` names a
file or torchvision's. Services are found as the command line finds them (FRAMECAST_REGISTRY_ADDRESS and so on).
"""

import argparse
import tempfile
from pathlib import Path

from framecast import Client
from framecast.v1 import registry_service_pb2
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast.v1.model_pb2 import ModelVersion
from framecast_bundle.image_decoder import decode_image
from framecast_bundle.manifest import MANIFEST_NAME
from framecast_trainer.learning.architectures import ARCHITECTURES, SERVED_ONLY
from framecast_trainer.learning.data import CategoryName
from framecast_trainer.learning.untrained import export_untrained

NETWORKS = ARCHITECTURES | SERVED_ONLY


def main() -> None:
    arguments = _arguments()
    keypoints = tuple(filter(None, arguments.keypoints.split(",")))
    categories = [
        CategoryName(id=number, name=name, keypoints=keypoints)
        for number, name in enumerate(arguments.classes.split(","), start=1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        manifest = export_untrained(
            NETWORKS[arguments.architecture],
            categories,
            [decode_image(path.read_bytes(), label=str(path)) for path in arguments.picture],
            output=Path(folder),
            image_size=arguments.image_size,
            backbone=arguments.backbone,
            weights=arguments.weights,
        )
        print(f"PyTorch and the graphs agree to {1 - manifest.parity.exported_value:.1e} of their largest values")
        with Client() as client:
            print(f"registered as {_register(client, arguments.model, Path(folder), manifest)}")


def _register(client: Client, model: str, folder: Path, manifest: ModelBundle) -> str:
    """Bytes first, the record that points to them last."""
    blobs, registry = client.models._blobs, client._connection.registry
    for file in manifest.files:
        blobs.upload(folder / file.path)
    bundle = blobs.upload(folder / MANIFEST_NAME)
    version = registry.CreateModelVersion(
        registry_service_pb2.CreateModelVersionRequest(
            parent=f"projects/{client.project}/models/{model}",
            model_version=ModelVersion(architecture=manifest.architecture),
            allow_missing=True,
        )
    )
    request = registry_service_pb2.CompleteModelVersionRequest(name=version.name, bundle=bundle)
    return str(registry.CompleteModelVersion(request).name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture", choices=sorted(NETWORKS))
    parser.add_argument("model", help="its name; created where it does not exist")
    parser.add_argument("--classes", required=True, help="names, with commas between them")
    parser.add_argument("--keypoints", default="", help="names, for networks that find keypoints")
    parser.add_argument("--picture", required=True, type=Path, action="append", help="may be repeated")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--backbone", default="")
    parser.add_argument("--weights", default="random")
    return parser.parse_args()


if __name__ == "__main__":
    main()
