"""A running job on the terminal."""

from collections.abc import Mapping

import click

from framecast._jobs import Job
from framecast._training_types import TrainingUpdate
from framecast.cli.bars import training_bar
from framecast.cli.output import print_json_line, print_table, warn

_SHOWN_METRICS = ("loss", "box_mAP50", "mask_mAP50", "accuracy_top1")


def follow(job: Job, *, as_json: bool) -> TrainingUpdate:
    """Shows a job until it has ended: a live bar, a line per phase where no terminal is, or JSON lines.

    Ctrl-C leaves the job running, says how to come back, and goes on as KeyboardInterrupt.
    """
    try:
        return _follow(job, as_json)
    except KeyboardInterrupt:
        click.echo(
            f"\njob {job.id} keeps running; come back with `framecast jobs watch {job.id}`,"
            f" stop it with `framecast jobs cancel {job.id}`",
            err=True,
        )
        raise


def print_result(update: TrainingUpdate) -> None:
    """The metrics of a job that has ended, before and after the export."""
    if not update.metrics:
        return
    before, after, others = split_metrics(update.metrics)
    if before:
        rows = [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
        print_table(("metric", "trained (PyTorch)", "exported (ONNX)"), rows, empty="")
        rows_left = sorted(others.items())
    else:
        rows_left = sorted(update.metrics.items())
    if rows_left:
        print_table(("metric", "value"), rows_left, empty="")


def split_metrics(
    metrics: Mapping[str, float],
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Metrics before the export (named `torch_…`), after it, and the rest."""
    prefix = "torch_"
    before = {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}
    after = {name: value for name, value in metrics.items() if name in before}
    others = {name: value for name, value in metrics.items() if name not in before and not name.startswith(prefix)}
    return before, after, others


def _follow(job: Job, as_json: bool) -> TrainingUpdate:
    warned: set[str] = set()
    last_phase = ""
    with training_bar(quiet=as_json) as bar:
        task = bar.add_task("queued", total=1.0, detail="")
        for update in job.watch():
            if as_json:
                print_json_line(update)
                continue
            for warning in update.warnings:
                if warning not in warned:
                    warned.add(warning)
                    bar.console.print(f"warning: {warning}") if not bar.disable else warn(warning)
            progress = update.progress
            phase = update.state.value if update.state.ended else progress.phase or update.state.value
            bar.update(task, description=f"{phase:<10}", completed=progress.fraction, detail=_detail(update))
            line = f"{phase} {progress.epoch}/{progress.epoch_count}" if progress.epoch_count else phase
            if bar.disable and line != last_phase:
                click.echo(f"{line} {_metrics(update)}".rstrip(), err=True)
                last_phase = line
    return job.latest


def _detail(update: TrainingUpdate) -> str:
    progress = update.progress
    parts = []
    if progress.epoch_count:
        parts.append(f"epoch {min(progress.epoch + 1, progress.epoch_count)}/{progress.epoch_count}")
    if progress.step_count:
        parts.append(f"step {progress.step}/{progress.step_count}")
    return "  ".join([*parts, _metrics(update)])


def _metrics(update: TrainingUpdate) -> str:
    return "  ".join(f"{name} {update.metrics[name]:.3f}" for name in _SHOWN_METRICS if name in update.metrics)
