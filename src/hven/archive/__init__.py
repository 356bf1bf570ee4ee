"""What was received and how it is filed: submissions, data files, datasets, tags."""
