"""Counting: what is kept, by which labels, and what is forgotten."""

import threading

import pytest

from framecast_runtime.metric_names import Family
from framecast_runtime.metrics import Counter, Histogram, Metrics

SIZES = Family("test_sizes", "Sizes.", ("model",), (1, 2, 4))
STAGES = Family("test_stages", "Stages.", ("model", "stage"), (1.0,))
COUNT = Family("test_total", "Things.")


def test_a_value_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1, 2, 4))
    histogram.observe_all([0, 1, 1.001, 2])
    histogram.observe(4)
    histogram.observe(4.001)
    assert histogram.read().counts == (2, 2, 1, 1)
    assert histogram.read().total == pytest.approx(12.002)


def test_the_same_labels_are_the_same_series() -> None:
    metrics = Metrics()
    metrics.histogram(SIZES, "a").observe(1)
    metrics.histogram(SIZES, "a").observe(2)
    metrics.histogram(SIZES, "b").observe(3)
    ((_, series),) = metrics.read()
    found = {labels: instrument.read().counts for labels, instrument in series if isinstance(instrument, Histogram)}
    assert found == {("a",): (1, 1, 0, 0), ("b",): (0, 0, 1, 0)}


def test_labels_must_be_the_familys() -> None:
    for labels in ((), ("a", "b")):
        with pytest.raises(ValueError, match="test_sizes"):
            Metrics().histogram(SIZES, *labels)
        with pytest.raises(ValueError, match="test_sizes"):
            Metrics().gauge(SIZES, *labels, read=lambda: 0)


def test_what_is_forgotten_is_gone_and_the_rest_stays() -> None:
    metrics = Metrics()
    metrics.counter(COUNT).add()
    for model in ("a", "b"):
        metrics.histogram(SIZES, model)
        metrics.histogram(STAGES, model, "decode")
    metrics.forget(model="a")
    left = {family.name: [labels for labels, _ in series] for family, series in metrics.read()}
    assert left == {"test_sizes": [("b",)], "test_stages": [("b", "decode")], "test_total": [()]}


def test_nothing_is_lost_between_threads() -> None:
    counter, histogram = Counter(), Histogram((1,))

    def work() -> None:
        for _ in range(5000):
            counter.add()
            histogram.observe(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 20_000
    assert histogram.read().counts == (20_000, 0)
