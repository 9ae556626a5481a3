"""Templates that ask our objects for attributes that they do not have."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.admin import ModelAdmin
from django.forms import BaseForm
from django.template import VariableDoesNotExist

APPS = ("people", "scim", "provisioning", "ramp")
# Pages leave out optional fields of forms, and django-unfold asks for optional settings of admins.
WITH_OPTIONS = (BaseForm, ModelAdmin)


def refuse_unknown_attribute(record: logging.LogRecord) -> bool:
    """Fail the page. Django only logs the lookup, and shows nothing in its place.

    :returns: False, so that no handler formats the record: that would evaluate querysets.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, VariableDoesNotExist) and error.params:
        name, looked_in = error.params
        kind = type(looked_in)
        is_ours = kind.__module__.partition(".")[0] in APPS
        if is_ours and not isinstance(looked_in, WITH_OPTIONS):
            raise AssertionError(f"A template asks {kind.__qualname__} for {name!r}.")
    return False


@contextmanager
def refusing_unknown_attributes() -> Iterator[None]:
    logger = logging.getLogger("django.template")
    level = logger.level
    logger.addFilter(refuse_unknown_attribute)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeFilter(refuse_unknown_attribute)
        logger.setLevel(level)
