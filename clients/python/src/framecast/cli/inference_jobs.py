"""`framecast inference-jobs`."""

from pathlib import Path
from typing import Any

import click

from framecast._client import Client
from framecast._dataset_types import Subset
from framecast._inference_job import InferenceJob
from framecast._inference_job_types import InferenceUpdate
from framecast._inference_jobs import JobSource
from framecast._training_types import JobState
from framecast.cli.bars import TransferBars, counting_bar
from framecast.cli.options import Session, session_options
from framecast.cli.output import frame_document, print_facts, print_json, print_json_line, print_table
from framecast.cli.prediction_options import GivenSettings, frame_options, settings_options


@click.group("inference-jobs")
def inference_jobs() -> None:
    """Predictions in the background: start, list, show, watch, results, cancel, delete."""


@inference_jobs.command(
    "start",
    epilog="\b\nExamples:\n  framecast inference-jobs start cars street.mp4 crossing.mp4 --stride 5 --watch\n"
    "  framecast inference-jobs start cars frame1.jpg frame2.jpg frame3.jpg --group\n"
    "  framecast inference-jobs start cars --dataset cars/2 --subset test --record",
)
@click.argument("model")
@click.argument("sources", nargs=-1)
@click.option("--dataset", help="Every picture of a dataset version (`cars`, its latest, or `cars/2`), not SOURCES.")
@click.option("--subset", type=click.Choice([each.value for each in Subset]), help="Of --dataset.")
@click.option("--record", is_flag=True, help="Keep the results as predictions of --dataset.")
@click.option("--group", is_flag=True, help="Take SOURCES, all pictures, for the frames of one video.")
@click.option("--watch", is_flag=True, help="Show the job until it has ended.")
@settings_options
@frame_options
@session_options
def start(
    session: Session,
    model: str,
    sources: tuple[str, ...],
    dataset: str | None,
    subset: str | None,
    record: bool,
    group: bool,
    watch: bool,
    settings: GivenSettings,
    **frames: Any,
) -> int:
    """Predict stored pictures and videos SOURCES with MODEL in the background.

    SOURCES are files, which are stored first, or names of assets.
    """
    if bool(sources) == bool(dataset):
        raise click.UsageError("give either SOURCES or --dataset")
    if subset and not dataset:
        raise click.UsageError("--subset is for --dataset")
    if record and not dataset:
        raise click.UsageError("--record is for --dataset")
    with session.client() as client:
        job = client.inference_jobs.start(
            model,
            _stored(client, session, sources, group=group),
            dataset=dataset,
            subset=Subset(subset) if subset else None,
            record_predictions=record,
            **frames,
            **settings.of(client, model),
        )
        if watch:
            if not session.json:
                click.echo(f"job {job.id}", err=True)
            return _follow(session, job)
    if session.json:
        print_json(job.latest)
    else:
        click.echo(f"job {job.id}; `framecast inference-jobs watch {job.id}` shows it")
    return 0


@inference_jobs.command("list")
@session_options
def list_(session: Session) -> None:
    """List the jobs, the newest first."""
    with session.client() as client:
        found = list(client.inference_jobs.list())
    if session.json:
        print_json(found)
        return
    rows = [
        (
            job.id,
            job.state,
            f"{job.progress.fraction:.0%}" if job.progress.total_frames else "",
            job.progress.frames_done,
            job.model_version.split("/", 3)[-1].replace("/versions/", "/"),
            job.create_time,
        )
        for job in found
    ]
    print_table(
        ("job", "state", "done", "results", "model", "created"),
        rows,
        empty="no jobs; see `framecast inference-jobs start`",
    )


@inference_jobs.command("show")
@click.argument("job")
@session_options
def show(session: Session, job: str) -> None:
    """Show JOB: its model, its settings, and how far it is."""
    with session.client() as client:
        update = client.inference_jobs.get(job).latest
    if session.json:
        print_json(update)
    else:
        _print(update)


@inference_jobs.command("watch")
@click.argument("job")
@session_options
def watch(session: Session, job: str) -> int:
    """Show JOB until it has ended. Ctrl-C leaves it running. Exit code 1 where it failed."""
    with session.client() as client:
        return _follow(session, client.inference_jobs.get(job))


@inference_jobs.command(
    "results", epilog="\b\nExample:\n  framecast inference-jobs results JOB --position 500 --follow > results.jsonl"
)
@click.argument("job")
@click.option("--position", type=click.IntRange(min=0), default=0, help="The first result wanted, counted from 0.")
@click.option("--follow", is_flag=True, help="Go on until the job has ended.")
@session_options
def results(session: Session, job: str, position: int, follow: bool) -> None:
    """Print the results of JOB, a line of JSON for each frame."""
    with session.client() as client:
        for number, result in enumerate(
            client.inference_jobs.get(job).results(position=position, follow=follow), position
        ):
            print_json_line({"position": number} | frame_document(result))


@inference_jobs.command("cancel")
@click.argument("job")
@session_options
def cancel(session: Session, job: str) -> None:
    """Stop JOB; one that has ended stays as it is. Results that are there stay, too."""
    with session.client() as client:
        update = client.inference_jobs.get(job).cancel()
    if session.json:
        print_json(update)
    else:
        click.echo(f"job {update.id} is {update.state.value if update.state.ended else 'being cancelled'}")


@inference_jobs.command("delete")
@click.argument("job")
@session_options
def delete(session: Session, job: str) -> None:
    """Remove JOB, which has ended, with its results."""
    with session.client() as client:
        found = client.inference_jobs.get(job)
        found.delete()
    if session.json:
        print_json({"deleted": found.name})
    else:
        click.echo(f"job {found.id} is deleted")


def _stored(client: Client, session: Session, sources: tuple[str, ...], *, group: bool) -> list[JobSource]:
    """Files become assets; names of assets are looked up."""
    assets = []
    with TransferBars(quiet=session.json) as bars:
        for source in sources:
            is_file = Path(source).exists() or "assets/" not in source
            assets.append(client.assets.upload(source, progress=bars) if is_file else client.assets.get(source))
    return [assets] if group and assets else list(assets)


def _follow(session: Session, job: InferenceJob) -> int:
    try:
        update = _shown(session, job)
    except KeyboardInterrupt:
        click.echo(
            f"\njob {job.id} keeps running; come back with `framecast inference-jobs watch {job.id}`,"
            f" stop it with `framecast inference-jobs cancel {job.id}`",
            err=True,
        )
        raise
    if not session.json:
        _print(update)
    return 0 if update.state is JobState.SUCCEEDED else 1


def _shown(session: Session, job: InferenceJob) -> InferenceUpdate:
    last = ""
    with counting_bar(quiet=session.json, unit="frames") as bar:
        task = bar.add_task("queued", total=None, speed="")
        for update in job.watch():
            if session.json:
                print_json_line(update)
                continue
            progress = update.progress
            phase = update.state.value if update.state.ended else progress.phase or update.state.value
            failed = f"{progress.failed_frames} failed" if progress.failed_frames else ""
            bar.update(
                task,
                description=f"{phase[:12]:<12}",
                completed=progress.frames_done,
                total=progress.total_frames or None,
                speed=failed,
            )
            if bar.disable and phase != last:
                click.echo(phase, err=True)
                last = phase
    return job.latest


def _print(update: InferenceUpdate) -> None:
    progress = update.progress
    print_facts(
        {
            "job": update.name,
            "state": update.state,
            "error": update.error.message if update.error else "",
            "phase": progress.phase,
            "results": f"{progress.frames_done} of {progress.total_frames or 'an unknown number'}",
            "failed": progress.failed_frames or "",
            "model version": update.model_version,
            "dataset": update.dataset_version,
            "predictions": update.prediction_set,
            "settings": {key: value for key, value in vars(update.settings).items() if value not in (None, (), {})},
            "created": update.create_time,
            "started": update.start_time,
            "ended": update.end_time,
        }
    )
