"""The light of stars: masks, detection, shapes, apertures, zero points, limits."""
