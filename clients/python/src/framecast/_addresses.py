"""Where the services are: from arguments, the environment, or the local ports."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from framecast.errors import InvalidArgumentError

REGISTRY_PORT, TRAINER_PORT, INFERENCE_PORT = 50051, 50052, 50053


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """`host:port` of each service."""

    registry: str = f"127.0.0.1:{REGISTRY_PORT}"
    """FRAMECAST_REGISTRY_ADDRESS."""
    trainer: str = f"127.0.0.1:{TRAINER_PORT}"
    """FRAMECAST_TRAINER_ADDRESS."""
    inference: str = f"127.0.0.1:{INFERENCE_PORT}"
    """FRAMECAST_INFERENCE_ADDRESS."""

    def __post_init__(self) -> None:
        for field in ("registry", "trainer", "inference"):
            address = getattr(self, field)
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise InvalidArgumentError(
                    f"the address of the {field} must be host:port, got {address!r}",
                    field=field,
                    reason="ADDRESS_INVALID",
                    address=address,
                )

    @classmethod
    def resolve(
        cls,
        *,
        registry: str | None = None,
        trainer: str | None = None,
        inference: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> "Addresses":
        """Each address as given, else from `environ` (the process's own), else the local port."""
        environ = os.environ if environ is None else environ
        given = {"registry": registry, "trainer": trainer, "inference": inference}
        values = {
            name: value or environ.get(f"FRAMECAST_{name.upper()}_ADDRESS") or "" for name, value in given.items()
        }
        return cls(**{name: value for name, value in values.items() if value})
