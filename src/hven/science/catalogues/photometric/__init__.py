"""Photometric reference catalogues: filters, magnitude systems, tables on disk, transformations between systems."""
