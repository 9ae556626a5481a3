"""What is wrong with the forms of a page, for the summary at its top."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django import template
from django.contrib.admin.helpers import AdminForm
from django.contrib.messages import ERROR
from django.forms import BaseForm, BoundField
from django.forms.formsets import BaseFormSet
from django.forms.utils import ErrorDict
from django.template import Context

register = template.Library()


class FormProblem(NamedTuple):
    """A message about a form; `label` and `anchor` are blank if it concerns no visible field."""

    text: str
    label: str = ""
    anchor: str = ""


@register.simple_tag(takes_context=True)
def form_problems(context: Context) -> list[FormProblem]:
    """Return the errors of all forms in the context, in the order of the fields."""
    values = context.flatten().values()
    forms = {id(form): form for value in values for form in _forms(value)}
    return [problem for form in forms.values() for problem in _problems(form)]


@register.simple_tag(takes_context=True)
def is_refused(context: Context) -> bool:
    """Tell whether the page shows a message about an error, and leave the messages unread."""
    found = context.get("messages")
    if not found:
        return False
    was_read = found.used
    result = any(message.level >= ERROR for message in found)
    # Iterating marks the messages as shown, but some pages keep them for the next one.
    found.used = was_read
    return result


def _forms(value: Any) -> Iterator[BaseForm]:
    # Not isinstance(): it would evaluate lazy values of the context, such as the user.
    kind = type(value)
    if issubclass(kind, BaseForm):
        yield value
    elif issubclass(kind, AdminForm):
        yield value.form
    elif issubclass(kind, BaseFormSet):
        yield from value.forms
    elif issubclass(kind, list | tuple):
        for item in value:
            yield from _forms(item)


def _problems(form: BaseForm) -> Iterator[FormProblem]:
    # Reading `errors` would validate a form that the view did not ask to be validated.
    errors: ErrorDict = getattr(form, "_errors", None) or ErrorDict()
    for name, messages in errors.items():
        field = form[name] if name in form.fields else None
        for message in messages:
            if field and not field.is_hidden:
                yield FormProblem(str(message), str(field.label), _anchor(field))
            else:
                yield FormProblem(str(message))


def _anchor(field: BoundField) -> str:
    """Return the id of the input, or of the first one if the field consists of several."""
    subwidgets = field.subwidgets
    is_choice_of_many = not field.id_for_label and subwidgets
    return (subwidgets[0].id_for_label if is_choice_of_many else field.id_for_label) or ""
