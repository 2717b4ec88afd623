"""Measures sides of a comparison alternately in one process: CPU time of one thread per call, median and spread.

Rows of two threads are of wall time, and hold only on a machine that does nothing else.

Scripts of this folder define the sides and inputs; each says what it does not show.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import torch

import framecast_core
from benchmarks.provenance import provenance

US = "framecast_core"
PACKAGES = ("framecast-core", "numpy", "onnxruntime", "opencv-python-headless", "protobuf", "torch", "torchvision")


@dataclass(frozen=True)
class Times:
    """Microseconds per call by the case's clock; `ratio` is the side's time over ours, sample by sample.

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
    """One row of a result: what ran, on what, by which clock, and how long each side took."""

    name: str
    input: str
    samples: int
    sides: dict[str, Times]
    clock: str = "CPU time of one thread"


@dataclass(frozen=True)
class Peak:
    """How far memory rose above what was in use before the call."""

    name: str
    input: str
    mebibytes: float
    goal: float


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
    clock: Callable[[], float] = time.thread_time,
) -> Case:
    """Runs the sides in turn, `samples` times each; a sample is as many calls as fill `sample_seconds`, at least one.

    `sides` must hold `US`. Raises KeyError otherwise.
    """
    calls = {}
    for side, run in sides.items():
        run()
        calls[side] = max(1, int(sample_seconds / max(1e-7, _seconds(run, 2, clock))))
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(samples):
        for side, run in sides.items():
            run()  # So that no side pays for what the one before it left in the caches.
            taken[side].append(_seconds(run, calls[side], clock) * 1e6)
    ours = taken[US]
    return Case(name, input_text, samples, {side: _times(values, ours) for side, values in taken.items()})


def measure_two_threads(
    name: str, input_text: str, run: Callable[[framecast_core.ThreadPool | None], object], *, samples: int
) -> Case:
    """Wall time of `run` with a pool of two and without one, whose ratio is the gain; the machine must be quiet."""
    pool = framecast_core.ThreadPool(2)
    sides: dict[str, Callable[[], object]] = {US: lambda: run(pool), f"{US}, one thread": lambda: run(None)}
    text = f"{input_text}; a pool of two threads"
    case = measure(name, text, sides, samples=samples, sample_seconds=0.02, clock=time.perf_counter)
    return replace(case, clock="wall time, of a quiet machine")


def _seconds(run: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        run()
    return (clock() - start) / calls


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


def report(cases: list[Case], *, shows_not: str, to: Path | None, peaks: Sequence[Peak] = ()) -> None:
    """Prints the table and, where asked, writes it with machine, versions, commit and command."""
    for case in cases:
        print(f"{case.name}: {case.input}; {case.clock}")
        for side, times in case.sides.items():
            print(
                f"  {side:<36} {times.median:10.1f} us  ({times.low:.1f} to {times.high:.1f})"
                f"  {times.ratio:7.2f}x  ({times.ratio_low:.2f} to {times.ratio_high:.2f})"
            )
    for peak in peaks:
        print(
            f"{peak.name}: {peak.input}; {peak.mebibytes:.1f} MiB more than before the call, goal {peak.goal:.0f} MiB"
        )
    print(f"Does not show: {shows_not}")
    if to is None:
        return
    result = {
        **provenance(PACKAGES, ["core"]),
        "unit": "microseconds per call by each case's clock; ratio = side / framecast_core, sample by sample",
        "isa": framecast_core.isa(),
        "shows_not": shows_not,
        "cases": [asdict(case) for case in cases],
        "peaks": [asdict(peak) for peak in peaks],
    }
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(result, indent=2) + "\n")
