"""The wiring: settings, doors and processes. No rules live here."""

from ramp.celery import app as celery

__all__ = ["celery"]
