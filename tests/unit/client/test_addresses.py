"""Where the services are."""

import pytest

from framecast import Client, InvalidArgumentError, UnavailableError
from framecast._addresses import Addresses


def test_arguments_win_over_the_environment_and_that_over_the_local_ports() -> None:
    environ = {"FRAMECAST_REGISTRY_ADDRESS": "env:1", "FRAMECAST_TRAINER_ADDRESS": "env:2"}
    addresses = Addresses.resolve(registry="given:9", environ=environ)
    assert addresses == Addresses(registry="given:9", trainer="env:2", inference="127.0.0.1:50053")


@pytest.mark.parametrize("address", ["localhost", "http://host", ":80x", "host:"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Addresses(registry=address)
    assert caught.value.reason == "ADDRESS_INVALID"


def test_a_project_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        Client(project="No Project")


def test_an_unreachable_service_is_named_with_what_to_do() -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError, match="framecast up") as caught:
        client.datasets.get("cars")
    assert caught.value.reason == "SERVICE_UNREACHABLE"
    assert "127.0.0.1:1" in caught.value.message
