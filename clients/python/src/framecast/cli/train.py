"""`framecast train`."""

from pathlib import Path

import click

from framecast.cli.job_view import follow, print_result
from framecast.cli.options import Session, session_options
from framecast.cli.output import print_json, print_json_line


@click.command(
    epilog="\b\nExamples:\n  framecast train --dataset bccd --architecture yolov5n --image-size 320 --max-minutes 15\n"
    "  framecast train --dataset cells --architecture mask_rcnn --backbone small --epochs 20\n"
    "  framecast train --dataset clothing --architecture resnet18 --weights resnet18.pth --no-wait\n\n"
    "\b\nA job goes on when this command is interrupted: `framecast jobs list` finds it again.",
)
@click.option("--dataset", required=True, help="What to learn from: `cars` (its latest version) or `cars/2`.")
@click.option("--architecture", required=True, help="See `framecast models architectures`.")
@click.option("--model", help="The model that gets a new version; default: the dataset's name.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training pictures.")
@click.option("--image-size", type=click.IntRange(min=32), metavar="PIXELS", help="Side of the network's input.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Pictures per step.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="Peak of the schedule.")
@click.option("--weight-decay", type=click.FloatRange(min=0))
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), help="Training ends by then.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to compute.")
@click.option("--weights", help="A published id (yolov5s, …) or torchvision's name (DEFAULT, …), `random`, or a file.")
@click.option("--backbone", help="For architectures that come in several sizes.")
@click.option("--augment/--no-augment", default=None, help="Mirror, scale, shift and change colours.")
@click.option("--seed", type=int, help="Equal seeds train equally.")
@click.option("--wait/--no-wait", default=True, help="Show the job until it has ended.", show_default=True)
@session_options
def train(
    session: Session,
    dataset: str,
    architecture: str,
    model: str | None,
    epochs: int | None,
    image_size: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    weight_decay: float | None,
    max_minutes: float | None,
    device: str | None,
    weights: str | None,
    backbone: str | None,
    augment: bool | None,
    seed: int | None,
    wait: bool,
) -> None:
    """Train a new version of a model on a dataset."""
    if weights and (Path(weights).suffix and not weights.startswith("projects/")) and not Path(weights).is_file():
        raise click.UsageError(f"--weights: there is no file {weights}")
    with session.client() as client:
        job = client.training.start(
            dataset,
            architecture=architecture,
            model=model,
            epochs=epochs,
            image_size=image_size,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_duration_s=None if max_minutes is None else max_minutes * 60,
            device=device,
            weights=weights,
            backbone=backbone,
            augment=augment,
            seed=seed,
        )
        if not wait:
            if session.json:
                print_json(job.latest)
            else:
                click.echo(f"job {job.id} is queued; follow it with `framecast jobs watch {job.id}`")
            return
        if not session.json:
            click.echo(f"job {job.id}", err=True)
        follow(job, as_json=session.json)
        update = job.wait()
        if session.json:
            print_json_line(client.models.get_version(update))
            return
        print_result(update)
        version = client.models.get_version(update)
        click.echo(
            f"\ntrained {version.reference}\n"
            f"next: framecast predict {version.reference} PICTURE_OR_VIDEO --save out.png"
        )
