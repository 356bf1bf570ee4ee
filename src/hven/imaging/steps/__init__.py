"""The steps: importing this registers those of imaging."""

from hven.imaging.steps import annotate, render, solve

__all__ = ["annotate", "render", "solve"]
