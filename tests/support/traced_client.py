"""A program that traces itself and predicts some pictures within a span of its own.

python -m tests.support.traced_client INFERENCE_ADDRESS COLLECTOR MODEL_VERSION IMAGE COUNT
"""

import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from framecast.v1.inference_service_pb2 import ImageSource, PredictImagesRequest


def main() -> None:
    address, collector, model, image, count = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": "a-program"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=collector)))
    trace.set_tracer_provider(provider)
    pictures = [ImageSource(data=Path(image).read_bytes())] * int(count)
    with open_channel(address) as channel, trace.get_tracer("a-program").start_as_current_span("the whole job"):
        inference_service_pb2_grpc.InferenceServiceStub(channel).PredictImages(
            PredictImagesRequest(model_version=model, images=pictures)
        )
    provider.shutdown()


if __name__ == "__main__":
    main()
