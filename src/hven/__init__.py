"""hven: a self-hosted server for the whole life of an observation."""

__version__ = "0.1.0"
