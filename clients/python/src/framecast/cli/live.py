"""`framecast live`."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from framecast._live_stream import LiveFrame
from framecast.cli.bars import counting_bar
from framecast.cli.options import Session, session_options
from framecast.cli.output import frame_document, print_json_line, print_table
from framecast.cli.prediction_options import GivenSettings, settings_options
from framecast.drawing.video import import_av
from framecast.errors import NotFoundError
from framecast.importers.class_folders import is_picture

_DEFAULT_FPS = 25.0


@click.command(
    epilog="\b\nExamples:\n  framecast live cars street.mp4 --drop-oldest\n"
    "  framecast live cars frames/ --fps 10 --json"
)
@click.argument("model")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--fps", type=click.FloatRange(0, min_open=True), help="Frames per second. Default: the video's own, or 25."
)
@click.option("--drop-oldest", is_flag=True, help="Drop frames for which the model has no time, as for a camera.")
@click.option("--in-flight", type=click.IntRange(1, 256), default=16, show_default=True, help="Frames that may wait.")
@settings_options
@session_options
def live(
    session: Session,
    model: str,
    source: Path,
    fps: float | None,
    drop_oldest: bool,
    in_flight: int,
    settings: GivenSettings,
) -> int:
    """Play SOURCE, a video or a folder of pictures, as if it were live, and predict its frames with MODEL on the way.

    Exit code 1 where a frame could not be predicted.
    """
    found: Counter[str] = Counter()
    answered = dropped = failed = 0
    began = time.monotonic()
    frames = _paced(_frames(source, fps))
    with (
        session.client() as client,
        client.stream_frames(
            model,
            frames,
            max_in_flight=in_flight,
            drop_oldest=drop_oldest,
            **settings.of(client, model),
        ) as stream,
        counting_bar(quiet=session.json, unit="frames") as bar,
    ):
        task = bar.add_task(source.name[:12], total=None, speed="")
        for each in stream:
            answered += 1
            dropped += len(each.dropped)
            if session.json:
                print_json_line({"id": each.id, "dropped": each.dropped} | frame_document(each.result))
            if each.result.prediction is None:
                failed += 1
                why = each.result.error.message if each.result.error else "no prediction"
                click.echo(f"error: frame {each.id}: {why}", err=True)
            else:
                found.update(each.result.prediction.instances.names)
                found.update(label.name for label in each.result.prediction.labels[:1])
            speed = answered / max(1e-6, time.monotonic() - began)
            bar.update(task, completed=answered, speed=f"{speed:.1f} fps, {dropped} dropped")
    if not session.json:
        seconds = time.monotonic() - began
        click.echo(
            f"{source}: {answered} frames in {seconds:.1f} s, {answered / max(seconds, 1e-6):.1f} frames per second,"
            f" {dropped} dropped"
        )
        print_table(("category", "found"), found.most_common(), empty="nothing found")
    return 1 if failed else 0


def _paced(frames: Iterator[LiveFrame]) -> Iterator[LiveFrame]:
    """Each frame at its time, counted from the first; late ones at once."""
    began = time.monotonic()
    for frame in frames:
        time.sleep(max(0.0, began + float(frame.time or 0) - time.monotonic()))
        yield frame


def _frames(source: Path, fps: float | None) -> Iterator[LiveFrame]:
    if source.is_dir():
        pictures = sorted(path for path in source.iterdir() if is_picture(path))
        if not pictures:
            raise NotFoundError(f"{source} has no pictures", reason="NO_PICTURES", folder=source)
        return (LiveFrame(path, number, number / (fps or _DEFAULT_FPS)) for number, path in enumerate(pictures))
    if not source.is_file():
        raise NotFoundError(f"there is no {source}", reason="FILE_NOT_FOUND", file=source)
    return _video_frames(source, fps)


def _video_frames(source: Path, fps: float | None) -> Iterator[LiveFrame]:
    av = import_av()
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        rate = float(fps or stream.average_rate or _DEFAULT_FPS)
        for number, frame in enumerate(container.decode(stream)):
            even = frame.width % 2 == 0 and frame.height % 2 == 0
            pixels = frame.to_ndarray(format="yuv420p" if even else "rgb24")
            yield LiveFrame(pixels, number, number / rate, yuv="i420" if even else "")
