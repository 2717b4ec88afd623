"""Which services there are, and what each is told through its environment."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from framecast._addresses import INFERENCE_PORT, REGISTRY_PORT, TRAINER_PORT
from framecast._up.data_folder import DataFolder
from framecast.errors import FailedPreconditionError


@dataclass(frozen=True)
class Ports:
    """Where the services listen."""

    registry: int = REGISTRY_PORT
    trainer: int = TRAINER_PORT
    inference: int = INFERENCE_PORT


@dataclass(frozen=True)
class ServiceSpec:
    """A service to run as `python -m module`."""

    name: str
    module: str
    address: str
    """host:port that it listens on, and where it is asked whether it is well."""
    environment: Mapping[str, str]
    log_path: Path


def service_specs(data: DataFolder, *, host: str, ports: Ports, metrics_address: str = "") -> list[ServiceSpec]:
    """The three services, in the order in which they start; each serves metrics on a port higher by one than the last.

    Raises FailedPreconditionError where one is missing.
    """
    registry = f"{_reachable(host)}:{ports.registry}"
    objects = {"OBJECT_STORE_URL": data.subfolder("objects").as_uri()}
    environments = {
        "registry": {"DATABASE_URL": _sqlite(data, "registry"), **objects},
        "trainer": {
            "DATABASE_URL": _sqlite(data, "trainer"),
            "REGISTRY_ADDRESS": registry,
            "WORK_FOLDER": str(data.subfolder("work")),
            **objects,
        },
        "inference": {
            "DATABASE_URL": _sqlite(data, "inference"),
            "REGISTRY_ADDRESS": registry,
            "SPOOL_FOLDER": str(data.subfolder("spool")),
            **objects,
        },
    }
    missing = [name for name in environments if importlib.util.find_spec(f"framecast_{name}") is None]
    if missing:
        raise FailedPreconditionError(
            f"not installed here: {', '.join(missing)}. Install the services:"
            " pip install 'framecast-services[registry,trainer,inference,cpu]'",
            reason="SERVICES_NOT_INSTALLED",
            missing=", ".join(missing),
        )
    specs = []
    for position, (name, environment) in enumerate(environments.items()):
        port = getattr(ports, name)
        listen = {
            "LISTEN_ADDRESS": f"{host}:{port}",
            "METRICS_ADDRESS": _port_after(metrics_address, position),
        }
        specs.append(
            ServiceSpec(
                name=name,
                module=f"framecast_{name}",
                address=f"{_reachable(host)}:{port}",
                environment={f"FRAMECAST_{key}": value for key, value in {**environment, **listen}.items()},
                log_path=data.subfolder("logs") / f"{name}.jsonl",
            )
        )
    return specs


def _port_after(address: str, steps: int) -> str:
    """`host:port` with a higher port; as it is where there is no port, or 0, which stands for any."""
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + steps}" if port.isdecimal() and int(port) else address


def _reachable(host: str) -> str:
    """What to call from this machine where a service listens on all of its addresses."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "[::]") else host  # noqa: S104  # compared, not listened on


def _sqlite(data: DataFolder, name: str) -> str:
    path = str(data.path / f"{name}.db").replace("%", "%25").replace("?", "%3F")  # what a URL would read otherwise
    return f"sqlite:///{path}"
