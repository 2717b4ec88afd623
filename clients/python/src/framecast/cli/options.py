"""Options that commands share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from framecast._client import Client

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Session:
    """How to reach the services, and how to answer."""

    registry_address: str | None
    trainer_address: str | None
    inference_address: str | None
    project: str
    json: bool

    def client(self) -> Client:
        """A client; close it."""
        return Client(
            self.registry_address,
            trainer_address=self.trainer_address,
            inference_address=self.inference_address,
            project=self.project,
        )


def session_options(function: F) -> F:
    """Adds `--json`, `--project` and the addresses; the command gets a `Session` as `session`."""

    @functools.wraps(function)
    def wrapped(
        *args: Any,
        registry_address: str | None,
        trainer_address: str | None,
        inference_address: str | None,
        project: str,
        json_: bool,
        **kwargs: Any,
    ) -> Any:
        session = Session(registry_address, trainer_address, inference_address, project, json_)
        return function(*args, session=session, **kwargs)

    options = [
        click.option("--json", "json_", is_flag=True, help="Print JSON, for programs."),
        click.option(
            "--project", envvar="FRAMECAST_PROJECT", default="default", show_default=True, help="The project."
        ),
        click.option("--registry-address", metavar="HOST:PORT", help="Where the registry is."),
        click.option("--trainer-address", metavar="HOST:PORT", help="Where the trainer is."),
        click.option("--inference-address", metavar="HOST:PORT", help="Where the inference service is."),
    ]
    decorated: Any = wrapped
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
