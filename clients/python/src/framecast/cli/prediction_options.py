"""Options of every command that predicts."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(function: F) -> F:
    """How a network's answer is turned into predictions; the command gets a dictionary as `settings`.

    Its keys are arguments of `Client.predict` and fields of `InferenceSettings`.
    """
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
    ]
    keys = ("confidence", "iou", "rdp", "max_detections", "classes", "class_agnostic")

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        settings = {key: kwargs.pop(key) for key in keys}
        settings["classes"] = tuple(name.strip() for name in (settings["classes"] or "").split(",") if name.strip())
        return function(*args, settings=settings, **kwargs)

    return _decorated(wrapped, options)  # type: ignore[return-value]  # the command loses arguments, and gains one


def frame_options(function: F) -> F:
    """Which frames of a video: `start`, `end`, `count` and `stride`."""
    options = [
        click.option("--start", type=click.IntRange(min=0), help="Video: the first frame, counted from 0."),
        click.option("--end", type=click.IntRange(min=0), help="Video: the last frame."),
        click.option("--count", type=click.IntRange(min=1), help="Video: at most this many frames."),
        click.option("--stride", type=click.IntRange(min=1), help="Video: every n-th frame."),
    ]
    return _decorated(function, options)


def _decorated(function: F, options: list[Callable[[Any], Any]]) -> F:
    decorated: Any = function
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
