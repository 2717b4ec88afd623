"""`framecast up`."""

import json
import signal
import threading
from pathlib import Path

import click

from framecast._addresses import REGISTRY_PORT
from framecast._up.data_folder import default_data_folder
from framecast._up.ports import free_ports
from framecast._up.services import Ports
from framecast._up.stack import Stack
from framecast.cli.output import print_facts


@click.command(
    epilog="\b\nExamples:\n  framecast up\n  framecast up --data ./data --port-base 6000\n"
    "  framecast up --port-base 0      any free ports"
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept.  [default: ~/.local/share/framecast]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port-base",
    type=click.IntRange(0, 65533),
    default=REGISTRY_PORT,
    show_default=True,
    help="Port of the registry; trainer and inference take the next two. 0: any free ones.",
)
@click.option("--registry-port", type=click.IntRange(1, 65535))
@click.option("--trainer-port", type=click.IntRange(1, 65535))
@click.option("--inference-port", type=click.IntRange(1, 65535))
@click.option("--json", "json_", is_flag=True, help="Print the addresses as one line of JSON when all is up.")
def up(
    data: Path | None,
    host: str,
    port_base: int,
    registry_port: int | None,
    trainer_port: int | None,
    inference_port: int | None,
    json_: bool,
) -> None:
    """Start registry, trainer and inference on this machine, and keep them running until Ctrl-C."""
    base = Ports(port_base, port_base + 1, port_base + 2) if port_base else free_ports(host)
    ports = Ports(registry_port or base.registry, trainer_port or base.trainer, inference_port or base.inference)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    click.echo("starting …", err=True)
    with Stack(data or default_data_folder(), host=host, ports=ports, say=_say, stop=asked) as stack:
        if not asked.is_set():
            _announce(stack, ports, json_)
        # Python handles signals in this thread alone, but the kernel may hand them to another: look now and then.
        while not asked.wait(0.2):
            pass
        click.echo("stopping …", err=True)
    click.echo("stopped", err=True)


def _announce(stack: Stack, ports: Ports, as_json: bool) -> None:
    addresses = stack.addresses
    if as_json:
        facts = {"registry": addresses.registry, "trainer": addresses.trainer, "inference": addresses.inference}
        click.echo(json.dumps(facts | {"data": str(stack.folder), "pids": stack.pids()}))
        return
    print_facts(
        {
            "registry": addresses.registry,
            "trainer": addresses.trainer,
            "inference": addresses.inference,
            "data": stack.folder,
            "logs": stack.folder / "logs",
        }
    )
    click.echo("\nin another terminal:")
    if ports != Ports():
        click.echo(
            f"  export FRAMECAST_REGISTRY_ADDRESS={addresses.registry}"
            f" FRAMECAST_TRAINER_ADDRESS={addresses.trainer} FRAMECAST_INFERENCE_ADDRESS={addresses.inference}"
        )
    click.echo(
        "  framecast datasets import FOLDER\n  framecast train --dataset NAME --architecture yolov5n\n"
        "  framecast predict NAME PICTURE_OR_VIDEO --save out.png\n\nCtrl-C stops everything."
    )


def _say(text: str) -> None:
    click.echo(text, err=True)
