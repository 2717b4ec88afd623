"""Progress bars on standard error; silent where nobody looks."""

from types import TracebackType

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from framecast._progress import Progress
from framecast.cli.output import console


class TransferBars:
    """A bar for each phase of an import or upload; call it with `Progress`."""

    def __init__(self, *, quiet: bool) -> None:
        out = console(stderr=True)
        self._files = RichProgress(*_columns(MofNCompleteColumn()), console=out, disable=quiet or not out.is_terminal)
        self._bytes = RichProgress(*_columns(DownloadColumn()), console=out, disable=quiet or not out.is_terminal)
        self._active: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        wanted = self._bytes if progress.unit == "bytes" else self._files
        if self._active is not wanted:
            self._stop()
            wanted.start()
            self._active = wanted
        if progress.phase not in self._tasks:
            self._tasks[progress.phase] = wanted.add_task(progress.phase, total=progress.total)
        wanted.update(self._tasks[progress.phase], completed=progress.done, total=progress.total)

    def __enter__(self) -> "TransferBars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._active is not None:
            self._active.stop()
            for phase, task in list(self._tasks.items()):
                if task in self._active.task_ids:
                    self._active.remove_task(task)
                    del self._tasks[phase]
        self._active = None


def counting_bar(*, quiet: bool, unit: str) -> RichProgress:
    """A bar that counts things and says how many a second."""
    out = console(stderr=True)
    speed = TextColumn("{task.fields[speed]}")
    columns = (*_columns(MofNCompleteColumn(), TextColumn(unit), speed), TimeRemainingColumn())
    return RichProgress(*columns, console=out, disable=quiet or not out.is_terminal)


def training_bar(*, quiet: bool) -> RichProgress:
    """A bar from 0 to 1 with a text that tells phase, epoch and metrics."""
    out = console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    return RichProgress(*columns, console=out, disable=quiet or not out.is_terminal, refresh_per_second=4)


def _columns(*counts: ProgressColumn) -> tuple[ProgressColumn, ...]:
    return (TextColumn("{task.description:<12}"), BarColumn(), *counts, TimeElapsedColumn())
