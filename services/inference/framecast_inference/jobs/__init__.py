"""Predictions in the background: a durable queue, runs that go on where one was lost, results that are kept."""
