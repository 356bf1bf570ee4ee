"""The public HTTP APIs that hven speaks, each a thin view on the same records."""
