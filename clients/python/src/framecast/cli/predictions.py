"""`framecast predictions`."""

import click

from framecast.cli.options import Session, session_options
from framecast.cli.output import frame_document, print_facts, print_json, print_json_line, print_table


@click.group()
def predictions() -> None:
    """Recorded predictions of datasets: list, show, results, delete.

    `framecast inference-jobs start MODEL --dataset DATASET --record` makes them. SET is `cars/2/ID`, as `list` prints
    it, or a full name.
    """


@predictions.command("list")
@click.argument("dataset")
@session_options
def list_(session: Session, dataset: str) -> None:
    """List the predictions of a version of DATASET (`cars/2`), the latest one where none is named."""
    with session.client() as client:
        found = list(client.prediction_sets.list(dataset))
    if session.json:
        print_json(found)
        return
    rows = [
        (
            each.reference,
            each.model_version.split("/", 3)[-1].replace("/versions/", "/"),
            each.subset or "all",
            each.result_count,
            each.failed_count,
            each.instance_count,
            each.create_time,
        )
        for each in found
    ]
    print_table(
        ("predictions", "model", "subset", "results", "failed", "instances", "created"),
        rows,
        empty=f"no predictions; see `framecast inference-jobs start MODEL --dataset {dataset} --record`",
    )


@predictions.command("show")
@click.argument("set_", metavar="SET")
@session_options
def show(session: Session, set_: str) -> None:
    """Show SET: who answered, with which settings, and how much was found."""
    with session.client() as client:
        found = client.prediction_sets.get(set_)
    if session.json:
        print_json(found)
        return
    print_facts(
        {
            "predictions": found.name,
            "model version": found.model_version,
            "bundle": found.bundle_sha256,
            "subset": found.subset or "all",
            "settings": {key: value for key, value in vars(found.settings).items() if value not in (None, (), {})},
            "results": found.result_count,
            "failed": found.failed_count or "",
            "instances": f"{found.instance_count}",
            "bytes": found.size_bytes,
            "job": found.inference_job,
            "created": found.create_time,
        }
    )


@predictions.command("results", epilog="\b\nExample:\n  framecast predictions results cars/2/ID > predictions.jsonl")
@click.argument("set_", metavar="SET")
@click.option("--position", type=click.IntRange(min=0), default=0, help="The first result wanted, counted from 0.")
@session_options
def results(session: Session, set_: str, position: int) -> None:
    """Print the results of SET, a line of JSON for each picture."""
    with session.client() as client:
        for number, result in enumerate(client.prediction_sets.results(set_, position=position), position):
            print_json_line({"position": number} | frame_document(result))


@predictions.command("delete")
@click.argument("set_", metavar="SET")
@session_options
def delete(session: Session, set_: str) -> None:
    """Remove SET; the job that made it keeps its own results."""
    with session.client() as client:
        client.prediction_sets.delete(set_)
    if session.json:
        print_json({"deleted": set_})
    else:
        click.echo(f"removed predictions {set_}")
