"""Weights to start from: what fits is loaded, what does not is refused by name, the last layers may differ."""

import hashlib
import io
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from framecast.errors import DataLossError, InvalidArgumentError, UnavailableError
from framecast_trainer.learning import export, weight_download, weights
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.weights import load_initial_weights
from tests.unit.learning.scenes import CATEGORIES


def build(name: str, classes: int = 3) -> Learner:
    entry = ARCHITECTURES[name]
    backbone = entry.backbones[0] if entry.backbones else ""
    return entry.build(BuildRequest(class_count=classes, image_size=64, backbone=backbone))


def load(learner: Learner, name: str, weights: str) -> tuple[str, list[str]]:
    said: list[str] = []
    entry = ARCHITECTURES[name]
    backbone = entry.backbones[0] if entry.backbones else ""
    return load_initial_weights(learner, entry, backbone, weights, said.append).name, said


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(url: str, path: Path, expected: str) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(weight_download, "_download", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))


@pytest.mark.parametrize("name", ["yolov5n", "mask_rcnn", "resnet18"])
@pytest.mark.parametrize("form", ["pt", "safetensors"])
def test_a_file_of_the_same_network_is_loaded_whole(name: str, form: str, tmp_path: Path):
    source, target = build(name), build(name)
    path = tmp_path / f"weights.{form}"
    state = {key: value.contiguous() for key, value in source.network.state_dict().items()}
    if form == "pt":
        torch.save(state, path)
    else:
        save_file(state, path)
    origin, said = load(target, name, str(path))
    assert origin.startswith("sha256:")
    assert ["license" in text for text in said] == [True]
    assert all(torch.equal(value, state[key]) for key, value in target.network.state_dict().items())


@pytest.mark.parametrize("name", ["yolov5n", "mask_rcnn", "resnet18"])
def test_another_number_of_classes_renews_only_the_last_layers(name: str, tmp_path: Path):
    source, target = build(name, classes=5), build(name, classes=3)
    before = {key: value.clone() for key, value in target.network.state_dict().items()}
    torch.save(source.network.state_dict(), tmp_path / "weights.pt")
    _, said = load(target, name, str(tmp_path / "weights.pt"))
    assert "the last layers" in said[0]
    given = source.network.state_dict()
    for key, value in target.network.state_dict().items():
        expected = given[key] if given[key].shape == value.shape else before[key]
        assert torch.equal(value, expected), key


def test_weights_of_another_network_are_refused_with_the_first_mismatches(tmp_path: Path):
    torch.save(build("yolov5s").network.state_dict(), tmp_path / "s.pt")
    with pytest.raises(InvalidArgumentError, match=r"model\.0\.conv\.weight is \[32, 3, 6, 6\]") as caught:
        load(build("yolov5n"), "yolov5n", str(tmp_path / "s.pt"))
    assert caught.value.reason == "WEIGHTS_MISMATCH"
    assert caught.value.field == "weights"


def test_a_file_that_holds_no_tensors_is_refused(tmp_path: Path):
    for name, content in (("a.pt", b"junk"), ("b.safetensors", b"junk"), ("c.pt", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataLossError, match=name):
            load(build("resnet18"), "resnet18", str(tmp_path / name))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path):
    torch.save(build("resnet18").network, tmp_path / "module.pt")
    with pytest.raises(DataLossError, match="cannot be read"):
        load(build("resnet18"), "resnet18", str(tmp_path / "module.pt"))


def license_of(name: str, weights: str) -> str:
    learner, entry = build(name), ARCHITECTURES[name]
    origin = load_initial_weights(learner, entry, "", weights, lambda _: None)
    return export.describe(learner, entry, CATEGORIES, origin.license).license


def test_a_bundle_names_the_license_of_what_it_started_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state = build("resnet18").network.state_dict()
    torch.save(state, tmp_path / "mine.pt")
    monkeypatch.setattr(weight_download, "fetch", lambda _: state)
    assert license_of("yolov5n", "random") == "Apache-2.0"
    assert license_of("resnet18", "IMAGENET1K_V1") == "BSD-3-Clause"
    assert license_of("resnet18", str(tmp_path / "mine.pt")) == ""


@pytest.mark.usefixtures("no_network")
def test_unreachable_default_weights_leave_random_ones_and_a_warning():
    origin, said = load(build("resnet18"), "resnet18", "")
    assert origin == "random"
    assert "random weights" in said[0]
    assert "put the file at" in said[0]


@pytest.mark.usefixtures("no_network")
def test_unreachable_named_weights_are_an_error():
    with pytest.raises(UnavailableError, match="put the file at"):
        load(build("resnet18"), "resnet18", "IMAGENET1K_V1")


def test_an_unknown_name_is_refused_with_the_choice():
    with pytest.raises(InvalidArgumentError, match=r"random, ResNet18_Weights\.IMAGENET1K_V1"):
        load(build("resnet18"), "resnet18", "imagenet")
    with pytest.raises(InvalidArgumentError, match="take one of: random"):
        load(build("yolov5n"), "yolov5n", "DEFAULT")


def cached(state: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a file where torch keeps its downloads and has its name promise it as the weights of ResNet-18."""
    content = io.BytesIO()
    torch.save(state, content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    path = folder / "checkpoints" / f"resnet18-{digest[:8]}.pth"
    path.parent.mkdir()
    path.write_bytes(content.getvalue())
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    monkeypatch.setattr(weights, "_url", lambda _: f"https://weights.invalid/{path.name}")
    return path


def test_a_damaged_file_in_torchs_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = cached(build("resnet18").network.state_dict(), tmp_path, monkeypatch)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for name in ("", "IMAGENET1K_V1"):
        with pytest.raises(DataLossError, match=path.name) as caught:
            load(build("resnet18"), "resnet18", name)
        assert caught.value.reason == "WEIGHTS_UNREADABLE"


def test_a_file_in_torchs_cache_without_a_digest_in_its_name_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet18.pth").write_bytes(b"junk")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(DataLossError, match=r"resnet18\.pth"):
        weight_download.fetch("https://weights.invalid/resnet18.pth")


def test_weights_in_torchs_cache_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = build("resnet18", classes=1000)
    cached(source.network.state_dict(), tmp_path, monkeypatch)
    target = build("resnet18")
    origin, said = load(target, "resnet18", "")
    assert origin == "ResNet18_Weights.DEFAULT"
    assert "fc.weight" in said[0]
    assert torch.equal(target.network.state_dict()["conv1.weight"], source.network.state_dict()["conv1.weight"])


def test_torchvisions_published_detectors_are_read_under_their_old_names(tmp_path: Path):
    entry = ARCHITECTURES["mask_rcnn"]
    request = BuildRequest(class_count=3, image_size=64, backbone="resnet50")
    source, target = entry.build(request), entry.build(request)
    state = source.network.state_dict()
    old = {}
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            continue  # they were saved with frozen batch normalisation
        name = key.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        if name.startswith("backbone.fpn."):
            name = name.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
        if name.startswith("roi_heads.mask_head."):
            layer = int(name.split(".")[2])
            name = f"roi_heads.mask_head.mask_fcn{layer + 1}.{name.rpartition('.')[2]}"
        old[name] = value
    assert "roi_heads.mask_head.mask_fcn1.weight" in old
    torch.save(old, tmp_path / "published.pth")
    said: list[str] = []
    load_initial_weights(target, entry, "resnet50", str(tmp_path / "published.pth"), said.append)
    assert not any("last layers" in text for text in said)
    assert all(torch.equal(value, state[key]) for key, value in target.network.state_dict().items())
    learnt = {name for name, parameter in target.network.named_parameters() if parameter.requires_grad}
    assert "backbone.body.layer2.0.conv1.weight" in learnt
    assert not any("layer1" in name or ".bn" in name for name in learnt)


@pytest.mark.usefixtures("no_network")
def test_published_weights_say_where_they_are_looked_for_and_are_taken_from_there(tmp_path: Path):
    with pytest.raises(UnavailableError, match=r"checkpoints/yolov5s\.pt") as caught:
        load(build("yolov5s"), "yolov5s", "yolov5s")
    assert caught.value.metadata["path"] == str(tmp_path / "checkpoints" / "yolov5s.pt")
    source = build("yolov5s")
    (tmp_path / "checkpoints").mkdir()
    torch.save(source.network.state_dict(), tmp_path / "checkpoints" / "yolov5s.pt")
    target, entry = build("yolov5s"), ARCHITECTURES["yolov5s"]
    origin = load_initial_weights(target, entry, "", "yolov5s", pytest.fail)
    assert (origin.name, origin.license) == ("yolov5s", "AGPL-3.0-only")
    assert torch.equal(
        target.network.state_dict()["model.0.conv.weight"], source.network.state_dict()["model.0.conv.weight"]
    )


@pytest.mark.usefixtures("no_network")
def test_published_weights_of_another_network_are_refused_before_they_are_fetched():
    with pytest.raises(
        InvalidArgumentError, match="weights yolov5x are for yolov5 with backbone x or yolov5x"
    ) as caught:
        load(build("yolov5s"), "yolov5s", "yolov5x")
    assert caught.value.reason == "WEIGHTS_MISMATCH"


def test_a_part_of_the_last_layers_is_not_enough(tmp_path: Path):
    state = build("yolov5n").network.state_dict()
    del state["model.24.m.1.bias"]
    torch.save(state, tmp_path / "n.pt")
    with pytest.raises(InvalidArgumentError, match=r"model\.24\.m\.1\.bias is missing"):
        load(build("yolov5n"), "yolov5n", str(tmp_path / "n.pt"))
