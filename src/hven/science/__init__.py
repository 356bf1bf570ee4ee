"""Pure science: arrays and frozen dataclasses in and out; no Django, no network, no settings."""
