"""The terms of a stream, as users see them."""

import pytest

from framecast._convert_predictions import stream_info_from_proto
from framecast.v1.inference_service_pb2 import PredictVideoResponse


@pytest.mark.parametrize(("sent", "seen"), [(29.97, 29.97), (0.0, None)])
def test_the_frame_rate_is_the_headers(sent: float, seen: float | None) -> None:
    assert stream_info_from_proto(PredictVideoResponse.Header(average_frame_rate=sent)).fps == seen
