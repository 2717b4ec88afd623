"""`framecast demo`: everything once, on data that it makes."""

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
from PIL import Image

from framecast._client import Client
from framecast._demo.shape_data import write_coco, write_video
from framecast._prediction_types import FrameResult
from framecast._training_types import TrainingUpdate
from framecast._up.ports import free_ports
from framecast._up.stack import Stack
from framecast.cli.bars import TransferBars, counting_bar
from framecast.cli.job_view import follow, print_result
from framecast.cli.output import frame_document, warn
from framecast.drawing import draw_prediction, draw_video
from framecast.drawing.video import import_av
from framecast.errors import FailedPreconditionError

_TRAIN_PICTURES, _VALIDATION_PICTURES, _VIDEO_SECONDS = 240, 40, 10.0
_CONFIDENCE = 0.6
_PASSES_ABOVE = 0.7
_METRIC = "mask_mAP50"
_STILLS = (0.1, 0.45, 0.8)
"""Moments of the video, as shares of its length, that `annotated.png` shows."""


@click.command(
    epilog="\b\nExamples:\n  framecast demo\n"
    "  framecast demo --data ./demo-data --output ./demo-output --train-seconds 60"
)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep services' data here.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Where pictures, video and numbers go.",
)
@click.option("--train-seconds", type=click.FloatRange(min=1), default=130.0, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
def demo(data: Path | None, output: Path, train_seconds: float, seed: int) -> None:
    """Import, train, export and stream once, on moving shapes that are made for it.

    Starts services of its own on free ports. Takes about three minutes on two cores; exits with 1 where the masks
    are not good enough (mask mAP50 of 0.7) or anything fails.
    """
    import_av()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="framecast-demo-")))
        _step(1, "making pictures and a video of moving shapes")
        shapes, video = output / "shapes", output / "shapes.mp4"
        frames = _generate(shapes, video, seed)
        _step(2, f"starting registry, trainer and inference; data in {folder}")
        services = stack.enter_context(Stack(folder, ports=free_ports(), say=warn))
        addresses = services.addresses
        client = stack.enter_context(
            Client(addresses.registry, trainer_address=addresses.trainer, inference_address=addresses.inference)
        )
        _step(3, "importing the pictures")
        with TransferBars(quiet=False) as bars:
            report = client.datasets.import_(shapes, name="shapes", progress=bars)
        _step(4, f"training a mask model for {train_seconds:g} seconds, then exporting it")
        job = client.training.start(
            report,
            architecture="mask_rcnn",
            backbone="small",
            image_size=160,
            batch_size=4,  # many small steps: there is no time for many big ones
            max_duration_s=train_seconds,
            weights="random",
            seed=seed,
        )
        follow(job, as_json=False)
        update = job.wait()
        print_result(update)
        _step(5, f"streaming {frames} frames")
        speed = _stream(client, update, video, output)
    before, after = update.metrics.get(f"torch_{_METRIC}", 0.0), update.metrics.get(_METRIC, 0.0)
    seconds = time.monotonic() - began
    numbers = {
        "mask_mAP50_before_export": before,
        "mask_mAP50_after_export": after,
        "frames": frames,
        "frames_per_second": speed,
        "seconds": seconds,
        "seed": seed,
        "metrics": dict(update.metrics),
    }
    (output / "results.json").write_text(json.dumps(numbers, indent=2) + "\n")
    click.echo(
        f"\nmask mAP50 on held-out pictures: {before:.4f} before export, {after:.4f} after\n"
        f"{speed:.1f} frames per second, read, predicted and drawn\n"
        f"{seconds:.0f} seconds in all\n"
        f"look at {output / 'annotated.mp4'} and {output / 'annotated.png'}"
    )
    if min(before, after) <= _PASSES_ABOVE:
        raise FailedPreconditionError(
            f"the demo failed: mask mAP50 must be above {_PASSES_ABOVE}; with less than two free cores, give it more"
            " --train-seconds",
            reason="DEMO_BELOW_THRESHOLD",
        )


def _generate(shapes: Path, video: Path, seed: int) -> int:
    with counting_bar(quiet=False, unit="pictures") as bar:
        task = bar.add_task("pictures", total=_TRAIN_PICTURES + _VALIDATION_PICTURES, speed="")
        write_coco(
            shapes,
            seed=seed,
            train=_TRAIN_PICTURES,
            validation=_VALIDATION_PICTURES,
            on_picture=lambda: bar.advance(task),
        )
        task = bar.add_task("video", total=None, speed="")
        return write_video(video, seed=seed, seconds=_VIDEO_SECONDS, on_frame=lambda: bar.advance(task))


def _stream(client: Client, update: TrainingUpdate, video: Path, output: Path) -> float:
    """Writes `annotated.mp4`, `annotated.png` and `frames.json`; returns frames per second."""
    client.load(update)  # the first frame should not wait for it
    documents: list[dict[str, object]] = []
    stills: dict[int, FrameResult] = {}
    began = time.monotonic()
    with (
        client.predict_video(update, video, confidence=_CONFIDENCE, class_agnostic=True) as stream,
        counting_bar(quiet=False, unit="frames") as bar,
    ):
        task = bar.add_task("streaming", total=len(stream), speed="")
        wanted = {int(share * len(stream)) for share in _STILLS}

        def seen() -> Iterator[FrameResult]:
            for result in stream:
                documents.append(frame_document(result))
                if result.frame_index in wanted:
                    stills[result.frame_index] = result
                rate = stream.frames_done / (time.monotonic() - began)
                bar.update(task, completed=stream.frames_done, speed=f"{rate:.1f} fps")
                yield result

        count = draw_video(video, seen(), output / "annotated.mp4")
    speed = count / (time.monotonic() - began)
    (output / "frames.json").write_text(json.dumps({"frames": documents}) + "\n")
    _draw_stills(video, stills, output / "annotated.png")
    return speed


def _draw_stills(video: Path, stills: dict[int, FrameResult], target: Path) -> None:
    """The chosen frames beside each other."""
    drawn = []
    with import_av().open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in stills:
                drawn.append(draw_prediction(frame.to_image(), stills[index].unwrap()))
    gap = 8
    width = sum(picture.width for picture in drawn) + gap * (len(drawn) - 1)
    sheet = Image.new("RGB", (width, drawn[0].height), "white")
    x = 0
    for picture in drawn:
        sheet.paste(picture, (x, 0))
        x += picture.width + gap
    sheet.save(target)


def _step(number: int, text: str) -> None:
    click.echo(f"\n[{number}/5] {text}")
