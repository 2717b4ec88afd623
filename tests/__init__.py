"""Tests of framecast, by layer: unit, contract, integration, e2e; `support` holds what they share."""
