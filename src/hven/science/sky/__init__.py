"""Positions on the sphere and their projection onto a detector."""
