"""A client on real services: a registry, and a trainer whose worker learns nothing but keeps to the protocol."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from framecast import Client
from framecast._demo.shape_data import write_coco
from tests.support.registry_server import RegistryHandle, registry
from tests.support.trainer_server import stand_in, trainer


@dataclass(frozen=True)
class Services:
    """Where they are."""

    folder: Path
    registry: RegistryHandle


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("services")
    with registry(folder) as registered:
        yield Services(folder, registered)


@pytest.fixture
def client(services: Services) -> Iterator[Client]:
    with Client(services.registry.address) as made:
        yield made


@pytest.fixture
def trained_with(services: Services, tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """A client whose trainer runs the stand-in worker in a mode."""
    with ExitStack() as stack:

        def start(mode: str) -> Client:
            known = services.registry
            running = stack.enter_context(
                trainer(tmp_path, known.address, known.object_store_url, worker_command=stand_in(mode))
            )
            return stack.enter_context(Client(known.address, trainer_address=running.address))

        yield start


@pytest.fixture(scope="package")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small COCO set with polygons."""
    folder = tmp_path_factory.mktemp("shapes")
    write_coco(folder, seed=3, train=6, validation=2)
    return folder
