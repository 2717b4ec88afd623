"""All services on this machine, started and kept alive as child processes."""
