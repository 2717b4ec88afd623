"""A registry on a free port, and its stubs."""

import pytest

from tests.support.registry_api import RegistryApi
from tests.support.registry_server import registry


@pytest.fixture
def server(tmp_path):
    with registry(tmp_path) as handle:
        yield handle


@pytest.fixture
def api(server):
    with RegistryApi(server.address) as opened:
        yield opened
