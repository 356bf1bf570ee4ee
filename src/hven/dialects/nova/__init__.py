"""The API of nova.astrometry.net: see CONTRACT.md beside this file."""
