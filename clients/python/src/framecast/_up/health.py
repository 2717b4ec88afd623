"""Whether a gRPC service is well, asked by the standard health protocol."""

import grpc

_CHECK = "/grpc.health.v1.Health/Check"
# HealthCheckRequest without a service, and HealthCheckResponse{status: SERVING}: two fields do not need a package.
_ANY_SERVICE, _SERVING = b"", b"\x08\x01"


def is_serving(address: str, *, timeout_s: float = 1.0) -> bool:
    """True where the server at host:port says that it serves."""
    with grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
        check = channel.unary_unary(_CHECK, request_serializer=bytes, response_deserializer=bytes)
        try:
            return check(_ANY_SERVICE, timeout=timeout_s) == _SERVING
        except grpc.RpcError:
            return False
