"""What commands print: tables for people, JSON for programs."""

import base64
import dataclasses
import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from framecast._dataset_types import Polygon
from framecast._prediction_types import FrameResult, Instances
from framecast.errors import FramecastError

# Hundredths of a pixel are finer than any model; more digits only make files longer.
_PIXEL_DIGITS, _SCORE_DIGITS = 2, 5


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document(value), indent=2))


def print_json_line(value: object) -> None:
    """One JSON document on a line of its own, for streams."""
    click.echo(json.dumps(document(value)))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table on standard output, or `empty` where there are no rows."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
        count += 1
    if count:
        _print(table)
    else:
        click.echo(empty)


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values below each other; empty values are left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, "", (), {}):
            table.add_row(name, _cell(value))
    _print(table)


def console(*, stderr: bool = False) -> Console:
    """Where tables (standard output) or progress bars (standard error) go; wide where it is no terminal."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False, markup=False, emoji=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=160, markup=False, emoji=False)


def warn(message: str) -> None:
    """A line on standard error that does not stop anything."""
    click.echo(f"warning: {message}", err=True)


def document(value: Any) -> Any:
    """A value as JSON can hold it."""
    match value:
        case FramecastError():
            return error_document(value)
        case FrameResult():
            return frame_document(value)
        case enum.Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case Fraction() | Path():
            return str(value)
        case np.ndarray():
            return np.round(value.astype(np.float64), _PIXEL_DIGITS).tolist()
        case Mapping():
            return {str(key): document(entry) for key, entry in value.items()}
        case list() | tuple():
            return [document(entry) for entry in value]
    if dataclasses.is_dataclass(value):
        return {field.name: document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def error_document(error: FramecastError) -> dict[str, object]:
    """An error for programs."""
    return {
        "type": type(error).__name__,
        "reason": error.reason,
        "message": error.message,
        "metadata": error.metadata,
    }


def frame_document(result: FrameResult) -> dict[str, object]:
    """A frame's result for programs."""
    made: dict[str, object] = {"frame_index": result.frame_index}
    if result.asset:
        made["asset"] = result.asset
    if result.source_index:
        made["source_index"] = result.source_index
    if result.time is not None:
        made |= {"time": result.time, "pts": result.pts}
    if result.prediction is None:
        return made | {"error": None if result.error is None else error_document(result.error)}
    prediction = result.prediction
    made |= {"width": prediction.width, "height": prediction.height, "instances": _instances(prediction.instances)}
    if prediction.labels:
        made["labels"] = [
            {"category_id": label.category_id, "category": label.name, "score": round(label.score, _SCORE_DIGITS)}
            for label in prediction.labels
        ]
    if prediction.segmentation is not None:
        found = prediction.segmentation
        made["segmentation"] = {
            "segments": [
                {
                    "category_id": each.category_id,
                    "category": each.name,
                    "area": each.area,
                    "share": round(each.share, _SCORE_DIGITS),
                }
                for each in found.segments
            ],
            "run_lengths": found.run_lengths.tolist(),
            "run_segments": found.run_segments.tolist(),
        }
    if prediction.logits is not None:
        made["logits"] = _numbers(prediction.logits)
    if prediction.debug_picture is not None:
        made["debug_picture"] = base64.b64encode(prediction.debug_picture).decode()
    return made


def _numbers(values: NDArray[np.float32]) -> list[float]:
    return [round(value, _SCORE_DIGITS) for value in values.tolist()]


def _instances(instances: Instances) -> list[dict[str, object]]:
    made = []
    for instance in instances:
        entry: dict[str, object] = {
            "category_id": instance.category_id,
            "category": instance.name,
            "score": round(instance.score, _SCORE_DIGITS),
            "box": document(instance.box),
        }
        if instance.polygons:
            entry["polygons"] = [_polygon(polygon) for polygon in instance.polygons]
            entry["mask_area"] = instance.mask_area
        if instance.mask is not None:
            entry["mask"] = {"size": [instance.mask.height, instance.mask.width], "counts": list(instance.mask.counts)}
            entry["mask_area"] = instance.mask_area
        if instance.logits is not None:
            entry["logits"] = _numbers(instance.logits)
        if instance.track_id:
            entry["track_id"] = instance.track_id
        if instance.keypoints:
            entry["keypoints"] = document(instance.keypoints)
        made.append(entry)
    return made


def _polygon(polygon: Polygon) -> dict[str, object]:
    return {"exterior": document(polygon.exterior), "holes": document(polygon.holes)}


def _print(table: Table) -> None:
    """Without the blanks that fill the last column."""
    out = console()
    with out.capture() as captured:
        out.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case enum.Enum():
            return str(value.value)
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case float():
            return f"{value:.4g}"
        case Mapping():
            return ", ".join(f"{key} {_cell(entry)}" for key, entry in value.items())
        case tuple() | list():
            return ", ".join(_cell(entry) for entry in value)
    return str(value)
