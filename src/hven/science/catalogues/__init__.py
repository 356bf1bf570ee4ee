"""Star catalogues on disk, names of stars and deep-sky objects, and the indexes that solvers search."""
