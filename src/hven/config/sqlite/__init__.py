"""Django's SQLite, but for how it waits for whoever writes just now."""
