"""The Open Inference Protocol's messages. Generated from `proto/` by `make proto`; never edited."""
