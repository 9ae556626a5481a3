"""Templates that ask our objects for attributes that they do not have."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.template import VariableDoesNotExist

APPS = ("people", "scim", "provisioning", "ramp")


class RefuseUnknownAttributes(logging.Handler):
    """Fails the page. Django only logs the lookup, and shows nothing in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, VariableDoesNotExist) and error.params:
            name, looked_in = error.params
            kind = type(looked_in)
            if kind.__module__.partition(".")[0] in APPS:
                raise AssertionError(f"A template asks {kind.__qualname__} for {name!r}.")


@contextmanager
def refusing_unknown_attributes() -> Iterator[None]:
    logger = logging.getLogger("django.template")
    handler, level, propagates = RefuseUnknownAttributes(), logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
