"""`framecast models`."""

import json
from pathlib import Path

import click

from framecast._model_types import ModelVersion
from framecast._setting_types import SettingSchema
from framecast.cli.bars import TransferBars
from framecast.cli.options import Session, session_options
from framecast.cli.output import print_facts, print_json, print_table
from framecast.errors import FramecastError

_MOST_NAMES = 8
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def models() -> None:
    """Models and the networks that can be trained: list, show, settings, import, download, architectures."""


@models.command("list")
@session_options
def list_(session: Session) -> None:
    """List the models."""
    with session.client() as client:
        found = list(client.models.list())
    if session.json:
        print_json(found)
        return
    rows = [(m.id, m.latest_trained_version.rsplit("/", 1)[-1] or "-", m.create_time, m.description) for m in found]
    print_table(
        ("model", "latest trained", "created", "description"),
        rows,
        empty="no models; see `framecast train` and `framecast models import`",
    )


@models.command("show", epilog="\b\nExamples:\n  framecast models show cars\n  framecast models show cars/3 --json")
@click.argument("model")
@session_options
def show(session: Session, model: str) -> None:
    """Show MODEL with its versions, or one version (`cars/3`)."""
    with session.client() as client:
        if "/" in model.removeprefix("projects/") and ("/versions/" in model or not model.startswith("projects/")):
            version = client.models.get_version(model)
            print_json(version) if session.json else _print_version(version)
            return
        found = client.models.get(model)
        versions = list(client.models.versions(found.name))
    if session.json:
        print_json({"model": found, "versions": versions})
        return
    print_facts({"model": found.name, "description": found.description, "created": found.create_time})
    rows = [
        (v.reference, v.state, v.architecture, v.task, v.metrics or _first_line(v.error), v.create_time)
        for v in versions
    ]
    print_table(("version", "state", "architecture", "task", "metrics", "created"), rows, empty="no versions yet")


@models.command("settings", epilog="\b\nExample:\n  framecast models settings cars")
@click.argument("model")
@session_options
def settings(session: Session, model: str) -> None:
    """Show what a prediction with MODEL can set: `framecast predict MODEL FILE --set KEY=VALUE`."""
    with session.client() as client:
        found = client.load(model).settings
    if session.json:
        print_json(found)
        return
    rows = [(each.name, each.type, _default(each.default), _allowed(each), each.description) for each in found]
    print_table(("setting", "type", "default", "allowed", "what it does"), rows, empty="none")


@models.command(
    "import",
    epilog="\b\nExample:\n  framecast models import yolox-nano --graph yolox_nano.onnx --descriptor yolox_nano.yaml",
)
@click.argument("name")
@click.option("--graph", required=True, type=_FILE, help="The ONNX file.")
@click.option("--descriptor", required=True, type=_FILE, help="YAML or JSON: task, categories, input, head.")
@session_options
def import_(session: Session, name: str, graph: Path, descriptor: Path) -> None:
    """Register an ONNX model that was trained elsewhere as a new version of model NAME.

    The descriptor says what goes in and what comes out; docs/model-bundle.md explains it.
    """
    with session.client() as client, TransferBars(quiet=session.json) as bars:
        version = client.models.import_onnx(name, graph=graph, descriptor=descriptor, progress=bars)
    if session.json:
        print_json(version)
        return
    _print_version(version)
    click.echo(f"\nnext: framecast predict {name} PICTURE_OR_VIDEO --save out.png")


@models.command("download", epilog="\b\nExample:\n  framecast models download cars/3 cars-3/")
@click.argument("model")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@session_options
def download(session: Session, model: str, folder: Path) -> None:
    """Write the bundle of MODEL (ONNX graphs, weights, bundle.json) into FOLDER."""
    with session.client() as client, TransferBars(quiet=session.json) as bars:
        version = client.models.download(model, folder, progress=bars)
    if session.json:
        print_json(version)
        return
    _print_version(version)
    click.echo(f"\nsaved {folder}")


@models.command("architectures")
@session_options
def architectures(session: Session) -> None:
    """List the networks that can be trained."""
    with session.client() as client:
        found = list(client.models.architectures())
    if session.json:
        print_json(found)
        return
    rows = [(a.id, a.task, a.backbones, a.defaults, a.description) for a in found]
    print_table(("architecture", "task", "backbones", "defaults", "description"), rows, empty="none")


def _default(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else "" if value in ("", [], {}) else str(value).lower()


def _allowed(setting: SettingSchema) -> str:
    if setting.minimum is not None:
        return f"{setting.minimum:g} to {setting.maximum:g}"
    names = ", ".join(setting.choices[:_MOST_NAMES])
    return names + (", …" if len(setting.choices) > _MOST_NAMES else "")


def _first_line(error: FramecastError | None) -> str:
    """`framecast models show cars/3` has it all."""
    return error.message.partition("\n")[0] if error else ""


def _print_version(version: ModelVersion) -> None:
    print_facts(
        {
            "model version": version.name,
            "state": version.state,
            "error": version.error.message if version.error else "",
            "architecture": version.architecture,
            "task": version.task,
            "metrics": version.metrics,
            "trained on": version.dataset_version,
            "trained by": version.training_job,
            "digest": version.bundle_sha256,
            "created": version.create_time,
        }
    )
