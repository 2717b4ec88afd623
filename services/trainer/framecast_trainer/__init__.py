"""Trains: durable jobs, workers, exported bundles."""
