"""Writes a bundle: ONNX graphs of the cut network, its weights, and the manifest that pins them."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle import manifest as bundle_manifest
from framecast_trainer.learning.architectures import Architecture
from framecast_trainer.learning.architectures.learner import Learner, Port, Stage
from framecast_trainer.learning.data import CategoryName

OPSET = 20
"""ONNX Runtime's RoiAlign stops at 21."""
_BATCH = 2
"""Of the example: one would be taken for a constant."""
DEFAULT_RDP_THRESHOLD = 0.005


def describe(
    learner: Learner, entry: Architecture, categories: Sequence[CategoryName], license_id: str = ""
) -> ModelBundle:
    """The manifest but for its files, lineage and parity: enough to predict with."""
    manifest = ModelBundle(format_version=1, task=entry.task, architecture=entry.id, license=license_id)
    for category in categories:
        manifest.categories.add(
            id=category.id,
            name=category.name,
            supercategory=category.supercategory,
            keypoints=category.keypoints,
        )
    manifest.input.CopyFrom(learner.input)
    manifest.default_settings.rdp_threshold = DEFAULT_RDP_THRESHOLD
    learner.describe(manifest)
    for stage in learner.stages():
        graph = manifest.graphs.add(name=stage.name, path=f"{stage.name}.onnx")
        for ports, tensors in ((stage.inputs, graph.inputs), (stage.outputs, graph.outputs)):
            for port in ports:
                tensors.add(name=port.name, dtype="float32", shape=[str(axis) for axis in port.shape])
    return manifest


def write_graphs(learner: Learner, folder: Path) -> None:
    """Exports every stage to `{name}.onnx`, and the weights to `weights.safetensors`; all on the CPU."""
    folder.mkdir(parents=True, exist_ok=True)
    network = learner.network.cpu().eval()
    example: dict[str, torch.Tensor] = {}
    for stage in learner.stages():
        tensors = tuple(_example(port, learner, example) for port in stage.inputs)
        with torch.no_grad():
            outputs = stage.module.eval()(*tensors)
        example |= {port.name: output for port, output in zip(stage.outputs, outputs, strict=True)}
        _export(stage, tensors, folder / f"{stage.name}.onnx")
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, folder / "weights.safetensors")


def pin_files(manifest: ModelBundle, folder: Path) -> None:
    """Puts the folder's files and their digests into the manifest."""
    del manifest.files[:]
    manifest.files.extend(bundle_manifest.file_entries(folder))


def _export(stage: Stage, tensors: tuple[torch.Tensor, ...], path: Path) -> None:
    axes = tuple({i: axis for i, axis in enumerate(port.shape) if isinstance(axis, str)} for port in stage.inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            stage.module,
            tensors,
            path,
            input_names=[port.name for port in stage.inputs],
            output_names=[port.name for port in stage.outputs],
            # Of stages with many inputs, which take them as `*tensors`, it wants one tuple for that argument.
            dynamic_shapes=(axes,) if len(tensors) > 1 else axes,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _example(port: Port, learner: Learner, known: dict[str, torch.Tensor]) -> torch.Tensor:
    """An input of some plausible size: what an earlier stage gave, a few regions, or pictures."""
    if port.name in known:
        return known[port.name]
    if port.name.startswith("rois_"):
        # Levels of different lengths, or they would be taken to be equal.
        count = 3 + int(port.name.removeprefix("rois_"))
        corner = torch.arange(count, dtype=torch.float32)[:, None].expand(-1, 2)
        return torch.cat((torch.zeros(count, 1), corner, corner + 16), dim=1)
    return torch.rand(_BATCH, 3, learner.input.height, learner.input.width)
