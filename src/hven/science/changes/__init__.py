"""What changed between frames: resampling, subtraction, candidates, their cutouts, and stacking."""
