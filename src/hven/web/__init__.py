"""Pages, templates, static files, and the JSON behind the pages."""
