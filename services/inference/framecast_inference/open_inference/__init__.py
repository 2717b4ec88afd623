"""The Open Inference Protocol, as Triton speaks it, over the models of the registry. `v2/` is generated."""
