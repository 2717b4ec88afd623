from framecast_trainer.learning.events import Metric, Notice, Progress
from framecast_trainer.run_event import MetricTaken, ProgressMade, RunEvent, WarningGiven
from framecast_trainer.run_reporter import RunReporter


def test_progress_is_thinned_out_but_news_and_measurements_are_not() -> None:
    events: list[RunEvent] = []
    lines: list[str] = []
    report = RunReporter(events.append, lines.append, interval_s=1000)
    report(Progress("preparing", 0, 2, 0, 0, 0.0))
    for step in range(1, 5):
        report(Progress("training", 0, 2, step, 4, step / 10))
        report(Metric("loss", 1 / step, step, 0))
    report(Notice("random weights"))
    report(Progress("training", 1, 2, 4, 4, 0.5))
    report(Progress("evaluating", 1, 2, 0, 4, 0.5))
    report(Metric("mAP50", 0.75, 4, 1))
    report(Progress("training", 1, 2, 1, 4, 0.6))
    report(Progress("exporting", 1, 2, 0, 0, 1.0))
    progress = [event for event in events if isinstance(event, ProgressMade)]
    assert [(event.phase, event.epoch, event.step) for event in progress] == [
        ("preparing", 0, 0),
        ("training", 0, 1),
        ("training", 1, 4),
        ("evaluating", 1, 0),
        ("training", 1, 1),
        ("exporting", 1, 0),
    ]
    assert progress[-1].fraction < 1.0  # publishing is still to come
    assert [event.value for event in events if isinstance(event, MetricTaken)] == [1.0, 0.5, 1 / 3, 0.25, 0.75]
    assert WarningGiven("random weights") in events
    assert lines == ["preparing", "warning: random weights", "epoch 1/2  loss 0.25  mAP50 0.75", "exporting"]
