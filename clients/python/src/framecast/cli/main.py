"""The command `framecast`: its nouns, and what becomes of errors."""

import json
import sys
from collections.abc import Sequence

import click

from framecast import __version__
from framecast.cli.datasets import datasets
from framecast.cli.demo import demo
from framecast.cli.embed import embed
from framecast.cli.inference_jobs import inference_jobs
from framecast.cli.jobs import jobs
from framecast.cli.live import live
from framecast.cli.models import models
from framecast.cli.output import error_document
from framecast.cli.predict import predict
from framecast.cli.predictions import predictions
from framecast.cli.serving import serving
from framecast.cli.train import train
from framecast.cli.up import up
from framecast.errors import FailedPreconditionError, FramecastError

USAGE, FAILURE, INTERRUPTED = 2, 1, 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="\b\nBegin with:\n  framecast demo                      see everything work on generated data\n"
    "  framecast up                        start the services on this machine\n"
    "  framecast datasets import photos/   then import data, train, predict",
)
@click.version_option(__version__, prog_name="framecast")
def framecast() -> None:
    """Fine-tune vision models on your own pictures and stream their predictions."""


for command in (up, datasets, train, jobs, models, serving, predict, live, embed, inference_jobs, predictions, demo):
    framecast.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0, 1 for failure, 2 for wrong usage, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = framecast.main(given, prog_name="framecast", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.UsageError as error:
        error.show(sys.stderr)
        return USAGE
    except click.ClickException as error:
        error.show(sys.stderr)
        return FAILURE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except FramecastError as error:
        return _failed(error, given)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:  # a file that cannot be read or written, a full disk
        if error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _failed(FailedPreconditionError(f"{where}{error.strerror}", reason="FILE_UNUSABLE"), given)


def _failed(error: FramecastError, given: Sequence[str]) -> int:
    if "--json" in given:
        click.echo(json.dumps({"error": error_document(error)}), err=True)
    else:
        click.echo(f"error: {error.message}", err=True)
    return FAILURE
