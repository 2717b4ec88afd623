"""The command line: the client with arguments."""

from framecast.cli.main import main

__all__ = ["main"]
