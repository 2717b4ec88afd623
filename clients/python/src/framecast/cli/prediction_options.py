"""Options of every command that predicts."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from framecast._client import Client
from framecast._convert_settings import options_from_texts

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class GivenSettings:
    """What a command line says of settings."""

    options: Mapping[str, Any]
    texts: tuple[str, ...]
    """Of `--set`."""

    def of(self, client: Client, model: str) -> dict[str, Any]:
        """Arguments of `Client.predict`. Raises InvalidArgumentError for what the model does not have."""
        more = options_from_texts(self.texts, client.load(model).settings) if self.texts else {}
        return {**self.options, **more}


def settings_options(function: F) -> F:
    """How pictures are looked at and what becomes of the answer; the command gets `GivenSettings` as `settings`."""
    options = [
        click.option("--confidence", type=click.FloatRange(0, 1), help="Drop what is less certain."),
        click.option(
            "--iou", type=click.FloatRange(0, 1), help="Drop the weaker of two boxes that overlap more than this."
        ),
        click.option("--rdp", type=click.FloatRange(0, 0.01), help="Coarseness of polygons; 0 keeps every corner."),
        click.option("--max-detections", type=click.IntRange(min=1), help="Per picture."),
        click.option("--classes", help="Names to report, with commas between them."),
        click.option(
            "--class-agnostic", is_flag=True, default=None, help="Boxes of different classes suppress each other."
        ),
        click.option(
            "--mask-format",
            type=click.Choice(["polygons", "run_lengths", "none"]),
            help="How masks come: outlines, every pixel, or not at all.",
        ),
        click.option(
            "--augment", is_flag=True, default=None, help="Look at it mirrored and smaller as well: slower, better."
        ),
        click.option("--track", is_flag=True, default=None, help="Video: give each object an id that it keeps."),
        click.option(
            "--window",
            metavar="SIDE|WIDTHxHEIGHT",
            callback=lambda _context, _option, text: _window(text),
            help="Look at large pictures in windows of so many pixels, for small things.",
        ),
        click.option(
            "--set",
            "texts",
            multiple=True,
            metavar="KEY=VALUE",
            help="Any setting of the model, such as category_confidence=car:0.7; see `framecast models settings`.",
        ),
    ]
    keys = (
        "confidence",
        "iou",
        "rdp",
        "max_detections",
        "classes",
        "class_agnostic",
        "mask_format",
        "augment",
        "track",
    )

    @functools.wraps(function)
    def wrapped(*args: Any, texts: tuple[str, ...], window: dict[str, int], **kwargs: Any) -> Any:
        given = {key: value for key in keys if (value := kwargs.pop(key)) is not None} | window
        given["classes"] = tuple(name.strip() for name in given.get("classes", "").split(",") if name.strip())
        return function(*args, settings=GivenSettings(given, texts), **kwargs)

    return _decorated(wrapped, options)  # type: ignore[return-value]  # the command loses arguments, and gains one


def _window(text: str | None) -> dict[str, int]:
    """From `640` or `640x480`."""
    if text is None:
        return {}
    width, _, height = text.partition("x")
    try:
        return {"window_width": int(width), "window_height": int(height or 0)}
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a side, such as 640, nor a size, such as 640x480") from None


def frame_options(function: F) -> F:
    """Which frames of a video: `start`, `end`, `count`, `stride` and `backward`."""
    options = [
        click.option("--start", type=click.IntRange(min=0), help="Video: the first frame, counted from 0."),
        click.option("--end", type=click.IntRange(min=0), help="Video: the last frame."),
        click.option("--count", type=click.IntRange(min=1), help="Video: at most this many frames."),
        click.option("--stride", type=click.IntRange(min=1), help="Video: every n-th frame."),
        click.option("--backward", is_flag=True, help="Video: the same frames, the last one first."),
    ]
    return _decorated(function, options)


def _decorated(function: F, options: list[Callable[[Any], Any]]) -> F:
    decorated: Any = function
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
