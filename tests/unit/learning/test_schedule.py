"""The learning rate's course, by steps and by time."""

import pytest

from framecast_trainer.learning.schedule import Schedule


def test_the_rate_rises_then_falls_to_a_hundredth():
    schedule = Schedule(1000)
    rates = [schedule.rate(step) for step in range(1000)]
    assert rates[0] < 0.05
    assert max(rates) > 0.99
    assert rates.index(max(rates)) < 100
    assert rates[-1] == pytest.approx(0.01, abs=0.001)


def test_time_and_steps_drive_it_whichever_is_further():
    now = [0.0]
    schedule = Schedule(1000, max_duration_s=10, clock=lambda: now[0])
    assert schedule.progress(100) == pytest.approx(0.1)
    now[0] = 5.0
    assert schedule.progress(100) == pytest.approx(0.5)
    assert schedule.progress(700) == pytest.approx(0.7)
    now[0] = 11.0
    assert schedule.progress(100) == 1
    assert schedule.rate(100) == pytest.approx(0.01)


def test_one_step_is_enough():
    assert Schedule(1).rate(0) == pytest.approx(1.0)
    assert Schedule(1).progress(1) == 1
