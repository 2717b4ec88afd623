"""Import, train, export, predict: through the command line, on all services."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.support.running_stack import RunningStack

av = pytest.importorskip("av")
pytest.importorskip("torch")


@pytest.mark.slow
def test_a_detector_from_import_to_saved_predictions(
    stack: RunningStack, shapes: Path, video: Path, tmp_path: Path
) -> None:
    imported = stack.command("datasets", "import", str(shapes), "--json")
    assert imported.code == 0, imported.err
    assert imported.json["version"]["name"] == "projects/default/datasets/shapes/versions/1"

    trained = stack.command(
        *("train", "--dataset", "shapes", "--architecture", "yolov5n", "--epochs", "1", "--image-size", "64"),
        *("--batch-size", "4", "--weights", "random", "--device", "cpu", "--seed", "1"),
    )
    assert trained.code == 0, trained.err
    assert "box_mAP50" in trained.out
    assert "exported (ONNX)" in trained.out
    assert "shapes/1" in trained.out

    picture = shapes / "images/val_0000.png"
    saved = tmp_path / "out.png"
    predicted = stack.command("predict", "shapes", str(picture), "--confidence", "0", "--save", str(saved), "--json")
    assert predicted.code == 0, predicted.err
    (result,) = predicted.json_lines
    assert (result["width"], result["height"]) == (160, 160)
    assert result["instances"]
    with Image.open(saved) as image:
        assert image.size == (160, 160)

    drawn, listed = tmp_path / "out.mp4", tmp_path / "out.json"
    streamed = stack.command(
        *("predict", "shapes/1", str(video), "--confidence", "0", "--max-detections", "3"),
        *("--save", str(drawn), "--save", str(listed)),
    )
    assert streamed.code == 0, streamed.err
    assert "15 frames" in streamed.out
    (entry,) = json.loads(listed.read_text())["inputs"]
    assert [frame["frame_index"] for frame in entry["results"]] == list(range(15))
    assert [round(frame["time"] * 25) for frame in entry["results"]] == list(range(15))
    assert entry["info"]["model"]["model_version"].endswith("/shapes/versions/1")
    assert entry["info"]["settings"]["max_detections"] == 3
    with av.open(str(drawn)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 15

    part = stack.command("predict", "shapes", str(video), "--start", "2", "--stride", "4", "--count", "3", "--json")
    head, *frames = part.json_lines
    assert head["info"]["total_frames"] == 3
    assert [frame["frame_index"] for frame in frames] == [2, 6, 10]

    (job,) = [job for job in stack.command("jobs", "list", "--json").json if job["model"].endswith("/shapes")]
    job_id = job["name"].rsplit("/", 1)[-1]
    assert job["state"] == "succeeded"
    assert stack.command("jobs", "logs", job_id).out
    assert stack.command("models", "show", "shapes").code == 0

    folder = tmp_path / "bundle"
    downloaded = stack.command("models", "download", "shapes/1", str(folder), "--json")
    assert downloaded.code == 0, downloaded.err
    assert hashlib.sha256((folder / "bundle.json").read_bytes()).hexdigest() == downloaded.json["bundle_sha256"]
    files = {file["path"]: file["sha256"] for file in json.loads((folder / "bundle.json").read_text())["files"]}
    assert {"network.onnx", "weights.safetensors"} <= set(files)
    assert {path: hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in files} == files

    refused = stack.command("datasets", "delete", "shapes", "--yes")
    assert refused.code == 1
    assert "error:" in refused.err


@pytest.mark.slow
def test_a_classifier_from_folders(stack: RunningStack, kinds: Path) -> None:
    with stack.client() as client:
        report = client.datasets.import_(kinds)
        job = client.training.start(
            report, architecture="resnet18", epochs=1, image_size=64, batch_size=4, weights="random", device="cpu"
        )
        update = job.wait(timeout=200)
        assert "accuracy_top1" in update.metrics
        picture = next(kinds.glob("val/*/*.png"))
        prediction = client.detect(update, picture, confidence=0)
        assert len(prediction.labels) == len(report.version.categories)
        assert sum(label.score for label in prediction.labels) == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_a_failed_training_says_why_and_exits_with_1(stack: RunningStack, kinds: Path) -> None:
    assert stack.command("datasets", "import", str(kinds), "--name", "labels-only").code == 0
    trained = stack.command(
        *("train", "--dataset", "labels-only", "--architecture", "yolov5n", "--epochs", "1", "--weights", "random")
    )
    assert trained.code == 1
    assert "error:" in trained.err
