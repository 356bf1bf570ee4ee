"""A whole night of one telescope as files, with its truth."""
