"""Where predictions are saved: annotated pictures and videos, JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import click
from PIL import Image

from framecast._prediction_types import FrameResult, Prediction, StreamInfo
from framecast.cli.output import document, frame_document
from framecast.drawing import draw_prediction
from framecast.drawing.upright import upright
from framecast.errors import FramecastError

PICTURES = {".png", ".jpg", ".jpeg", ".webp"}


class Targets:
    """What `--save` asked for. Raises click.UsageError where that cannot be."""

    def __init__(self, paths: Sequence[Path], inputs: Sequence[Path], videos: Sequence[bool]) -> None:
        """`videos` says of each input whether it is one."""
        self.json: Path | None = None
        self._folder: Path | None = None
        self._file: Path | None = None
        for path in paths:
            suffix = path.suffix.lower()
            if suffix != ".json" and (self._file or self._folder):
                raise click.UsageError(f"--save {path}: besides .json, one place is enough")
            if suffix == ".json":
                self.json = path
            elif suffix == ".mp4" or suffix in PICTURES:
                if len(inputs) > 1:
                    raise click.UsageError(f"--save {path}: several inputs need a folder, such as --save out/")
                if (suffix == ".mp4") != videos[0]:
                    wanted = "a video is saved as .mp4" if videos[0] else "a picture is saved as .png, .jpg, .webp"
                    raise click.UsageError(f"--save {path}: {wanted} or .json")
                self._file = path
            elif suffix and not path.is_dir():
                raise click.UsageError(f"--save {path}: save as .mp4, .png, .jpg, .webp, .json, or into a folder")
            else:
                self._folder = path
        self._refuse_to_overwrite(inputs, videos)

    def drawing_of(self, source: Path, *, video: bool) -> Path | None:
        """Where the annotated copy of an input goes; None where none is wanted."""
        if self._folder is not None:
            return self._folder / f"{source.stem}{'.mp4' if video else '.png'}"
        return self._file

    def _refuse_to_overwrite(self, inputs: Sequence[Path], videos: Sequence[bool]) -> None:
        """An input, or what another input was saved as."""
        taken = {path.resolve(): path for path in inputs}
        originals = set(taken)
        targets = [(source, self.drawing_of(source, video=video)) for source, video in zip(inputs, videos, strict=True)]
        for source, target in [*targets, (None, self.json)]:
            if target is None:
                continue
            other = taken.setdefault(target.resolve(), source or target)
            if target.resolve() in originals:
                raise click.UsageError(f"--save would overwrite {other}; save elsewhere")
            if source is not None and other is not source:
                raise click.UsageError(f"--save: {other} and {source} would both be saved as {target}")


def save_picture(source: Path, prediction: Prediction, target: Path) -> None:
    """Draws a prediction on the upright picture."""
    with Image.open(source) as image:
        turned = upright(image)
    target.parent.mkdir(parents=True, exist_ok=True)
    draw_prediction(turned, prediction).save(target)


class JsonFile:
    """Writes results one by one, so that a long video does not fill the memory; complete or not there at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._part.open("w", encoding="utf-8")
        self._file.write('{"inputs": [')
        self._inputs = 0
        self._frames = 0

    def begin(self, source: Path, info: StreamInfo | None) -> None:
        """What follows belongs to this input."""
        self._end_input()
        head = json.dumps({"file": str(source), "info": document(info)})
        self._file.write(f'{"," if self._inputs else ""}\n{head[:-1]}, "results": [')
        self._inputs += 1
        self._frames = 0

    def add(self, result: FrameResult) -> None:
        """One result."""
        self._file.write(f"{',' if self._frames else ''}\n{json.dumps(frame_document(result))}")
        self._frames += 1

    def __enter__(self) -> "JsonFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_input()
        self._file.write("\n]}\n")
        self._file.close()
        # After an error of ours, what came before it is worth keeping.
        if kind is None or issubclass(kind, FramecastError):
            self._part.replace(self._path)
        else:
            self._part.unlink()

    def _end_input(self) -> None:
        if self._inputs:
            self._file.write("\n]}")


class DebugFolder:
    """Pictures of what the network saw, one for each result, under the inputs' names."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder where it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._names: Counter[str] = Counter()

    def save(self, name: str, result: FrameResult) -> None:
        """Saves the result's picture, if it has one; a name that comes again gets a number."""
        if result.prediction is None or result.prediction.debug_picture is None:
            return
        self._names[name] += 1
        suffix = f"-{self._names[name]}" if self._names[name] > 1 else ""
        (self._folder / f"{name}{suffix}.png").write_bytes(result.prediction.debug_picture)
