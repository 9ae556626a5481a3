"""Settings, URLs and processes; no business rules."""

from ramp.celery import app as celery

__all__ = ["celery"]
# The only place that names the version; pyproject.toml reads it.
__version__ = "0.1.0"
