"""Measures sides of a comparison alternately in one process: CPU time of one thread per call, median and spread.

Scripts of this folder define the sides and inputs; each says what it does not show.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import torch

import framecast_core
from benchmarks.provenance import provenance

US = "framecast_core"
PACKAGES = ("framecast-core", "numpy", "onnxruntime", "opencv-python-headless", "protobuf", "torch", "torchvision")


@dataclass(frozen=True)
class Times:
    """Microseconds of CPU time per call; `ratio` is the side's time over ours, sample by sample.

    Medians; low and high are the 10 % and the 90 % point.
    """

    median: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True)
class Case:
    """One row of a result: what ran, on what, and how long each side took."""

    name: str
    input: str
    samples: int
    sides: dict[str, Times]


def pin_to_one_thread() -> None:
    """Keeps every peer on the calling thread, whose CPU time is what is counted."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def measure(
    name: str,
    input_text: str,
    sides: Mapping[str, Callable[[], object]],
    *,
    samples: int,
    sample_seconds: float = 0.004,
) -> Case:
    """Runs the sides in turn, `samples` times each; a sample is as many calls as fill `sample_seconds`, at least one.

    `sides` must hold `US`. Raises KeyError otherwise.
    """
    calls = {}
    for side, run in sides.items():
        run()
        calls[side] = max(1, int(sample_seconds / max(1e-7, _seconds(run, 2))))
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(samples):
        for side, run in sides.items():
            run()  # So that no side pays for what the one before it left in the caches.
            taken[side].append(_seconds(run, calls[side]) * 1e6)
    ours = taken[US]
    return Case(name, input_text, samples, {side: _times(values, ours) for side, values in taken.items()})


def _seconds(run: Callable[[], object], calls: int) -> float:
    start = time.thread_time()
    for _ in range(calls):
        run()
    return (time.thread_time() - start) / calls


def _times(values: list[float], ours: list[float]) -> Times:
    ratios = [value / our for value, our in zip(values, ours, strict=True)]
    low, high = _tenths(values)
    ratio_low, ratio_high = _tenths(ratios)
    return Times(statistics.median(values), low, high, statistics.median(ratios), ratio_low, ratio_high)


def _tenths(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=10)
    return cuts[0], cuts[-1]


def arguments(doc: str | None) -> argparse.Namespace:
    """The options that every script has; `doc` is the script's docstring."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the raw result here")
    parser.add_argument("--samples", type=int, default=60, help="samples per side and case")
    return parser.parse_args()


def report(cases: list[Case], *, shows_not: str, to: Path | None) -> None:
    """Prints the table and, where asked, writes it with machine, versions, commit and command."""
    for case in cases:
        print(f"{case.name}: {case.input}")
        for side, times in case.sides.items():
            print(
                f"  {side:<36} {times.median:10.1f} us  ({times.low:.1f} to {times.high:.1f})"
                f"  {times.ratio:7.2f}x  ({times.ratio_low:.2f} to {times.ratio_high:.2f})"
            )
    print(f"Does not show: {shows_not}")
    if to is None:
        return
    result = {
        **provenance(PACKAGES, ["core"]),
        "unit": "microseconds of CPU time of one thread per call; ratio = side / framecast_core, sample by sample",
        "isa": framecast_core.isa(),
        "shows_not": shows_not,
        "cases": [asdict(case) for case in cases],
    }
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=2) + "\n")
