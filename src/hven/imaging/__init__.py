"""Working on frames: reductions, runs of steps, their products, solutions and pictures."""
