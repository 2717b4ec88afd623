"""`framecast serving`."""

import click

from framecast._prediction_types import LoadedModel
from framecast.cli.options import Session, session_options
from framecast.cli.output import print_facts, print_json, print_table

_MIB = 2**20


@click.group()
def serving() -> None:
    """Models in the inference service's memory: list, load, switch, unload."""


@serving.command("list")
@session_options
def list_(session: Session) -> None:
    """List the models in memory, and what they take of it."""
    with session.client() as client:
        found = list(client.serving.list())
        used, budget = client.serving.memory()
    if session.json:
        print_json({"models": found, "memory_bytes": used, "memory_budget_bytes": budget})
        return
    rows = [
        (
            each.reference,
            each.state,
            _role(each),
            each.engine,
            each.precision,
            f"{each.memory_bytes / _MIB:.0f} MiB" if each.memory_bytes else "",
            each.active_calls,
            each.last_use_time,
        )
        for each in found
    ]
    print_table(
        ("model", "state", "stays", "engine", "precision", "memory", "calls", "last use"),
        rows,
        empty="no models in memory; they are loaded when they are first asked for",
    )
    click.echo(f"\n{used / _MIB:.0f} of {budget / _MIB:.0f} MiB")


@serving.command("load", epilog="\b\nExample:\n  framecast serving load cars/3")
@click.argument("model")
@session_options
def load(session: Session, model: str) -> None:
    """Load MODEL (`cars`, `cars/3`) before it is asked for."""
    with session.client() as client:
        _show(session, client.load(model))


@serving.command("switch", epilog="\b\nExample:\n  framecast serving switch cars/3")
@click.argument("model")
@session_options
def switch(session: Session, model: str) -> None:
    """Let version MODEL (`cars/3`) answer to the model's name, without a request lost.

    It is loaded first. Streams that run keep the version that they began with.
    """
    with session.client() as client:
        _show(session, client.serving.switch(model))


@serving.command("unload", epilog="\b\nExample:\n  framecast serving unload cars/2")
@click.argument("model")
@session_options
def unload(session: Session, model: str) -> None:
    """Free the memory of MODEL once no call uses it."""
    with session.client() as client:
        unloaded = client.serving.unload(model)
    if session.json:
        print_json({"unloaded": unloaded})
        return
    click.echo(f"{model} {'leaves memory' if unloaded else 'was not in memory'}")


def _role(model: LoadedModel) -> str:
    return "served" if model.served else "preloaded" if model.held else ""


def _show(session: Session, model: LoadedModel) -> None:
    if session.json:
        print_json(model)
        return
    print_facts(
        {
            "model version": model.model_version,
            "engine": model.engine,
            "precision": model.precision,
            "instead because": model.fallback,
            "memory": f"{model.memory_bytes / _MIB:.1f} MiB",
            "batch": model.max_batch,
            "stays": _role(model),
        }
    )
