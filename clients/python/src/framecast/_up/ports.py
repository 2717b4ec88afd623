"""Ports: whether they are free, and which are."""

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable

from framecast._up.services import Ports
from framecast.errors import FailedPreconditionError, InvalidArgumentError

_LOOK_EVERY_S = 0.2


def check_ports(host: str, ports: Ports) -> None:
    """Raises FailedPreconditionError naming the service whose port is taken."""
    for name in ("registry", "trainer", "inference"):
        port = getattr(ports, name)
        if not 0 < port < 65536:
            raise InvalidArgumentError(f"port {port} is none", field=name, reason="PORT_INVALID", port=port)
        with socket.socket() as probe:
            # As gRPC binds: sockets that still wait for stragglers do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise InvalidArgumentError(
                        f"cannot listen on {host}:{port}: {error.strerror}", field="host", reason="HOST_INVALID"
                    ) from None
                why = "is taken by another process" if error.errno == errno.EADDRINUSE else "may not be used"
                raise FailedPreconditionError(
                    f"port {port} for the {name} {why}; choose others with --port-base",
                    reason="PORT_TAKEN",
                    port=port,
                    service=name,
                ) from None


def await_ports(
    host: str, ports: Ports, *, patience_s: float, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """As `check_ports`, but waits for ports that are about to become free, until `stop` is set."""
    deadline = time.monotonic() + patience_s
    said = False
    while True:
        try:
            check_ports(host, ports)
        except FailedPreconditionError as error:
            if time.monotonic() >= deadline:
                raise
            if not said:
                said = True
                port = error.metadata["port"]
                say(f"waiting for services that a killed `framecast up` has left: port {port} is taken")
            if stop.wait(_LOOK_EVERY_S):
                raise
        else:
            return


def free_ports(host: str = "127.0.0.1") -> Ports:
    """Three ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for probe in sockets:
            probe.bind((host, 0))
        registry, trainer, inference = (probe.getsockname()[1] for probe in sockets)
    return Ports(registry, trainer, inference)
