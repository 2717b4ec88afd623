"""Engines: what runs a bundle's graphs. One file per runtime, each imported only where it is used."""
