"""The steps: importing this registers those of imaging, in the order in which they are usually run."""

from hven.imaging.steps import annotate, cleanup, inspect, photometry, render, solve

__all__ = ["annotate", "cleanup", "inspect", "photometry", "render", "solve"]
