"""`framecast jobs`."""

import click

from framecast.cli.job_view import follow, print_result
from framecast.cli.options import Session, session_options
from framecast.cli.output import print_facts, print_json, print_json_line, print_table


@click.group()
def jobs() -> None:
    """Training jobs: list, show, logs, watch, cancel."""


@jobs.command("list")
@session_options
def list_(session: Session) -> None:
    """List the jobs, the newest first."""
    with session.client() as client:
        found = list(client.training.list())
    if session.json:
        print_json(found)
        return
    rows = [
        (
            job.id,
            job.state,
            f"{job.progress.fraction:.0%}",
            job.architecture,
            job.dataset_version.split("/", 3)[-1].replace("/versions/", "/"),
            job.model.rsplit("/", 1)[-1],
            job.create_time,
        )
        for job in found
    ]
    print_table(
        ("job", "state", "done", "architecture", "dataset", "model", "created"),
        rows,
        empty="no jobs; see `framecast train`",
    )


@jobs.command("show")
@click.argument("job")
@session_options
def show(session: Session, job: str) -> None:
    """Show JOB: its settings, how far it is, and what it measured."""
    with session.client() as client:
        update = client.training.get(job).latest
    if session.json:
        print_json(update)
        return
    print_facts(
        {
            "job": update.name,
            "state": update.state,
            "error": update.error.message if update.error else "",
            "phase": update.progress.phase,
            "epochs": f"{update.progress.epoch} of {update.progress.epoch_count}",
            "architecture": update.architecture,
            "dataset": update.dataset_version,
            "model version": update.model_version or update.model,
            "settings": update.config,
            "warnings": update.warnings,
            "created": update.create_time,
            "started": update.start_time,
            "ended": update.end_time,
        }
    )
    print_result(update)


@jobs.command(
    "logs", epilog="\b\nExamples:\n  framecast jobs logs JOB --follow\n  framecast jobs logs JOB --offset 4096"
)
@click.argument("job")
@click.option("--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="The first byte wanted.")
@session_options
def logs(session: Session, job: str, follow: bool, offset: int) -> None:
    """Print what JOB printed."""
    with session.client() as client:
        for text in client.training.get(job).logs(follow=follow, offset=offset):
            if session.json:
                print_json_line({"text": text})
            else:
                click.echo(text, nl=False)


@jobs.command("watch")
@click.argument("job")
@session_options
def watch(session: Session, job: str) -> None:
    """Show JOB until it has ended. Ctrl-C leaves it running."""
    with session.client() as client:
        found = client.training.get(job)
        follow(found, as_json=session.json)
        update = found.wait()
    if not session.json:
        print_result(update)


@jobs.command("cancel")
@click.argument("job")
@session_options
def cancel(session: Session, job: str) -> None:
    """Stop JOB; one that has ended stays as it is."""
    with session.client() as client:
        update = client.training.get(job).cancel()
    if session.json:
        print_json(update)
    else:
        click.echo(f"job {update.id} is {update.state.value if update.state.ended else 'being cancelled'}")
