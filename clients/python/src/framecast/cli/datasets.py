"""`framecast datasets`."""

import sys
from pathlib import Path

import click

from framecast._dataset_types import DatasetVersion
from framecast._datasets import dataset_id_from
from framecast.cli.bars import TransferBars
from framecast.cli.options import Session, session_options
from framecast.cli.output import print_facts, print_json, print_table, warn

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def datasets() -> None:
    """Labelled pictures: import, list, show, delete."""


@datasets.command(
    "import",
    epilog="\b\nExamples:\n"
    "  framecast datasets import bccd/        instances_train.json, instances_val.json, images/\n"
    "  framecast datasets import clothing/    train/<class>/*.jpg, val/<class>/*.jpg\n"
    "  framecast datasets import photos/ --validation-fraction 0.2\n"
    "  framecast datasets import --name cars --train a.json --validation b.json --images pictures/",
)
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="The dataset's id; default: the name of the folder.")
@click.option("--train", type=_FILE, help="COCO file of the training subset.")
@click.option("--validation", type=_FILE, help="COCO file of the validation subset.")
@click.option("--test", type=_FILE, help="COCO file of the test subset.")
@click.option("--images", type=_FOLDER, help="Where the pictures of COCO files are.")
@click.option("--validation-fraction", type=float, help="Set this share of the training pictures aside, by --seed.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--description", default="", help="For people.")
@session_options
def import_(
    session: Session,
    path: Path | None,
    name: str | None,
    train: Path | None,
    validation: Path | None,
    test: Path | None,
    images: Path | None,
    validation_fraction: float | None,
    seed: int,
    description: str,
) -> None:
    """Import labelled pictures from PATH as a new dataset version.

    PATH is a folder with COCO files or with pictures in a folder per class, or a single COCO file. Everything is
    checked before anything is sent.
    """
    named_files = train or validation or test
    if path is None and not named_files:
        raise click.UsageError("say what to import: PATH, or --train, --validation, --test")
    if path is None and name is None:
        raise click.UsageError("--name is needed where no PATH gives one")
    if path is not None and path.is_file() and named_files:
        raise click.UsageError("give either one COCO file as PATH, or --train, --validation, --test")
    with session.client() as client, TransferBars(quiet=session.json) as bars:
        if named_files:
            if images is None and path is not None:
                images = path / "images" if (path / "images").is_dir() else path
            report = client.datasets.import_coco(
                name or dataset_id_from(path or Path()),
                train=train,
                validation=validation,
                test=test,
                images=images,
                validation_fraction=validation_fraction,
                seed=seed,
                description=description,
                progress=bars,
            )
        else:
            assert path is not None
            report = client.datasets.import_(
                path,
                name=name,
                images=images,
                validation_fraction=validation_fraction,
                seed=seed,
                description=description,
                progress=bars,
            )
    if session.json:
        print_json(report)
        return
    for warning in report.warnings:
        warn(warning)
    _print_version(report.version)
    dataset = report.version.dataset.rsplit("/", 1)[-1]
    click.echo(f"\nnext: framecast train --dataset {dataset} --architecture ARCHITECTURE")


@datasets.command("list")
@session_options
def list_(session: Session) -> None:
    """List the datasets."""
    with session.client() as client:
        found = list(client.datasets.list())
    if session.json:
        print_json(found)
        return
    rows = [(d.id, d.latest_version.rsplit("/", 1)[-1], d.create_time, d.description) for d in found]
    print_table(
        ("dataset", "versions", "created", "description"), rows, empty="no datasets; see `framecast datasets import`"
    )


@datasets.command(
    "show", epilog="\b\nExamples:\n  framecast datasets show cars\n  framecast datasets show cars/2 --json"
)
@click.argument("dataset")
@session_options
def show(session: Session, dataset: str) -> None:
    """Show a version of DATASET (`cars/2`), the latest one where none is named."""
    with session.client() as client:
        version = client.datasets.get_version(dataset)
    if session.json:
        print_json(version)
    else:
        _print_version(version)


@datasets.command("delete")
@click.argument("dataset")
@click.option("--yes", is_flag=True, help="Do not ask.")
@session_options
def delete(session: Session, dataset: str, yes: bool) -> int:
    """Remove DATASET with all its versions; the pictures stay stored."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody is there to be asked; add --yes")
        if not click.confirm(f"remove dataset {dataset} with all its versions?", err=True):
            click.echo(f"kept {dataset}", err=True)
            return 1
    with session.client() as client:
        client.datasets.delete(dataset)
    if session.json:
        print_json({"deleted": dataset})
    else:
        click.echo(f"removed {dataset}")
    return 0


def _print_version(version: DatasetVersion) -> None:
    names = [category.name for category in version.categories]
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    facts: dict[str, object] = {"dataset version": version.name, "description": version.description}
    for row in version.subsets:
        facts[row.subset.value] = f"{row.item_count} pictures, {row.annotation_count} annotations"
    print_facts(facts | {f"{len(names)} categories": shown, "digest": version.digest, "created": version.create_time})
