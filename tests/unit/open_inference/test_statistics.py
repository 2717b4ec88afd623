"""Counting requests, from several threads at once."""

from concurrent.futures import ThreadPoolExecutor

from framecast_inference.open_inference.statistics import Statistics, Timing

VERSION = "projects/p/models/m/versions/3"


def test_sums_are_those_of_the_requests() -> None:
    statistics = Statistics()
    counters = statistics.counters(VERSION, network=True)

    def ask(number: int) -> None:
        timing = Timing(queue=1, compute_input=2, compute_infer=3, compute_output=4)
        counters.passed(1 + number % 2, 10, timing)
        counters.failed(5)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(400)))
    ((name, network, message),) = statistics.rows()
    assert (name, network) == (VERSION, True)
    assert (message.name, message.version) == ("projects/p/models/m:network", "3")
    stats = message.inference_stats
    assert (stats.success.count, stats.success.ns) == (400, 4000)
    assert (stats.fail.count, stats.fail.ns) == (400, 2000)
    assert [each.ns for each in (stats.queue, stats.compute_input, stats.compute_infer, stats.compute_output)] == [
        400,
        800,
        1200,
        1600,
    ]
    assert (message.inference_count, message.execution_count) == (600, 400)
    assert [(each.batch_size, each.compute_infer.count, each.compute_infer.ns) for each in message.batch_stats] == [
        (1, 200, 600),
        (2, 200, 600),
    ]
    assert message.last_inference > 1_600_000_000_000


def test_both_sides_of_a_version_count_apart() -> None:
    statistics = Statistics()
    statistics.counters(VERSION, network=False).failed(1)
    statistics.counters(VERSION, network=True)
    assert [(network, message.inference_stats.fail.count) for _, network, message in statistics.rows()] == [
        (False, 1),
        (True, 0),
    ]
