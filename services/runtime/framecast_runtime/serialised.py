"""Servicers whose answers may be serialised already."""

from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

_MAKERS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def add_servicer(server: grpc.Server, service: ServiceDescriptor, servicer: object) -> str:
    """What the generated `add_…Servicer_to_server` does, but methods may answer with bytes: a message in wire format.

    Returns the service's full name.
    """
    handlers = {method.name: _handler(method, getattr(servicer, method.name)) for method in service.methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    return str(service.full_name)


def _handler(method: MethodDescriptor, behavior: Any) -> Any:
    make = _MAKERS[method.client_streaming, method.server_streaming]
    request = message_factory.GetMessageClass(method.input_type)
    return make(behavior, request_deserializer=request.FromString, response_serializer=_serialised)


def _serialised(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
