"""`framecast predict`."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from framecast._client import Client
from framecast._files import missing_file
from framecast._frame_iterator import FrameIterator
from framecast._prediction_types import FrameResult
from framecast.cli.bars import counting_bar
from framecast.cli.options import Session, session_options
from framecast.cli.output import document, frame_document, print_json_line, print_table
from framecast.cli.prediction_options import GivenSettings, frame_options, settings_options
from framecast.cli.saving import DebugFolder, JsonFile, Targets, save_picture
from framecast.drawing import draw_video
from framecast.drawing.video import import_av
from framecast.importers.class_folders import is_picture

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@click.command(
    epilog="\b\nExamples:\n  framecast predict cars street.jpg\n"
    "  framecast predict cars/3 street.jpg --save annotated.png\n"
    "  framecast predict cars street.mp4 --confidence 0.5 --classes car,bus --save annotated.mp4 --save frames.json\n"
    "  framecast predict cars street.mp4 --start 300 --count 100 --stride 3 --json\n"
    "  framecast predict cars street.mp4 --track --save annotated.mp4\n"
    "  framecast predict cars aerial.jpg --window 640 --set window_overlap=0.3 --mask-format run_lengths --json",
)
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@settings_options
@frame_options
@click.option("--resume", metavar="TOKEN", default="", help="Video: go on behind the frame that a `--json` line said.")
@click.option(
    "--debug-to",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save a picture of what the network saw, for each result.",
)
@click.option(
    "--save",
    "save",
    multiple=True,
    type=click.Path(path_type=Path),
    help="out.png, out.mp4, out.json, or a folder; may be repeated.",
)
@session_options
def predict(
    session: Session,
    model: str,
    files: tuple[Path, ...],
    settings: GivenSettings,
    start: int | None,
    end: int | None,
    count: int | None,
    stride: int | None,
    backward: bool,
    resume: str,
    save: tuple[Path, ...],
    debug_to: Path | None,
) -> int:
    """Predict pictures and videos FILES with MODEL (`cars`, the version that it serves, or `cars/3`).

    Ctrl-C stops the work on the server, too. Exit code 1 where a picture or frame could not be predicted.
    """
    videos = [_is_video(path) for path in files]
    targets = Targets(save, files, videos)
    for_videos = any(value is not None for value in (start, end, count, stride)) or backward or resume
    if not all(videos) and for_videos:
        raise click.UsageError("--start, --end, --count, --stride, --backward and --resume are for videos")
    if settings.options.get("track") and not all(videos):
        raise click.UsageError("--track follows objects from frame to frame, so it is for videos")
    if resume and len(files) > 1:
        raise click.UsageError("--resume goes on with one video")
    if any(videos) and any(targets.drawing_of(path, video=True) for path in files):
        import_av()
    frames = {"start": start, "end": end, "count": count, "stride": stride, "backward": backward}
    failed = 0
    with session.client() as client, contextlib.ExitStack() as stack:
        model = client.load(model).model_version  # one for all files, whatever is switched meanwhile
        given = settings.of(client, model)
        debug = DebugFolder(debug_to) if debug_to else None
        if debug:
            given["debug_picture"] = True
        sink = stack.enter_context(JsonFile(targets.json)) if targets.json else None
        run = _Run(client, session, model, given, targets, sink, debug)
        for path, is_video in zip(files, videos, strict=True):
            failed += run.video(path, frames, resume) if is_video else run.picture(path)
    return 1 if failed else 0


class _Run:
    """One call of the command: each input in turn; both methods return how many results are errors."""

    def __init__(
        self,
        client: Client,
        session: Session,
        model: str,
        settings: dict[str, Any],
        targets: Targets,
        sink: JsonFile | None,
        debug: DebugFolder | None,
    ) -> None:
        self._client = client
        self._session = session
        self._model = model
        self._settings = settings
        self._targets = targets
        self._sink = sink
        self._debug = debug

    def picture(self, path: Path) -> int:
        (result,) = self._client.predict(self._model, path, **self._settings)
        if self._debug:
            self._debug.save(path.stem, result)
        if self._sink:
            self._sink.begin(path, None)
            self._sink.add(result)
        if self._session.json:
            print_json_line({"file": str(path)} | frame_document(result))
        if result.prediction is None:
            _complain(path, result)
            return 1
        target = self._targets.drawing_of(path, video=False)
        if target is not None:
            save_picture(path, result.prediction, target)
        if not self._session.json:
            _print_picture(path, result, target)
        return 0

    def video(self, path: Path, frames: dict[str, Any], resume: str) -> int:
        counts: Counter[str] = Counter()
        errors = 0
        began = time.monotonic()
        target = self._targets.drawing_of(path, video=True)
        stream = self._client.predict_video(self._model, path, resume_token=resume, **frames, **self._settings)
        with stream, counting_bar(quiet=self._session.json, unit="frames") as bar:
            task = bar.add_task(path.name[:12], total=len(stream), speed="")
            if self._sink:
                self._sink.begin(path, stream.info)
            if self._session.json:
                print_json_line({"file": str(path), "info": document(stream.info)})

            def seen(results: FrameIterator) -> Iterator[FrameResult]:
                nonlocal errors
                for result in results:
                    if self._debug:
                        self._debug.save(f"{path.stem}-{result.frame_index:06}", result)
                    if self._sink:
                        self._sink.add(result)
                    if self._session.json:
                        print_json_line(frame_document(result) | {"resume_token": results.resume_token})
                    if result.prediction is None:
                        errors += 1
                        _complain(path, result)
                    else:
                        counts.update(result.prediction.instances.names)
                        if result.prediction.segmentation is not None:
                            counts.update(segment.name for segment in result.prediction.segmentation.segments)
                        counts.update(label.name for label in result.prediction.labels[:1])
                    speed = results.frames_done / max(1e-6, time.monotonic() - began)
                    bar.update(task, completed=results.frames_done, speed=f"{speed:.1f} fps")
                    yield result

            if target is not None:
                draw_video(path, seen(stream), target)
            else:
                for _ in seen(stream):
                    pass
            done, seconds = stream.frames_done, time.monotonic() - began
        if not self._session.json:
            click.echo(f"{path}: {done} frames in {seconds:.1f} s, {done / max(seconds, 1e-6):.1f} frames per second")
            print_table(("category", "found"), counts.most_common(), empty="nothing found")
            if target is not None:
                click.echo(f"saved {target}")
        return errors


def _is_video(path: Path) -> bool:
    """By its first bytes, else by its name; what is neither is tried as a video."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except (FileNotFoundError, IsADirectoryError):
        raise missing_file(path) from None
    picture = head.startswith(_SIGNATURES) or (head[:4] == b"RIFF" and head[8:] == b"WEBP")
    return not picture and not is_picture(path)


def _complain(path: Path, result: FrameResult) -> None:
    why = result.error.message if result.error else "no prediction"
    where = f"{path}" if result.time is None else f"{path}: frame {result.frame_index}"
    click.echo(f"error: {why if str(path) in why else f'{where}: {why}'}", err=True)


def _print_picture(path: Path, result: FrameResult, target: Path | None) -> None:
    prediction = result.unwrap()
    click.echo(f"{path} ({prediction.width} x {prediction.height})")
    if prediction.labels:
        labels = [(label.name, f"{label.score:.3f}") for label in prediction.labels[:5]]
        print_table(("category", "score"), labels, empty="")
    elif prediction.segmentation is not None:
        largest = sorted(prediction.segmentation.segments, key=lambda segment: -segment.area)
        shares = [(segment.name, f"{segment.share:.1%}", segment.area) for segment in largest]
        print_table(("category", "share", "pixels"), shares, empty="no category")
    else:
        boxes = [
            (instance.name, f"{instance.score:.3f}", ", ".join(f"{value:.1f}" for value in instance.box))
            for instance in prediction.instances
        ]
        print_table(("category", "score", "x_min, y_min, x_max, y_max"), boxes, empty="nothing found")
    if target is not None:
        click.echo(f"saved {target}")
