"""Replaces texts that name a person by a pseudonym, in columns of any kind."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus

from django.db import models
from django.db.models import Value
from django.db.models.functions import Cast, Coalesce, Concat

from people.values import normalize_key

# Not a part of a longer word or address. In a URL, the text may follow an encoded character.
BEFORE: Final = r"(?:(?<=%[0-9A-Fa-f]{2})|(?<![\w.+-]))"
AFTER: Final = r"(?![\w-])"
# An address does not end before the rest of its domain.
AFTER_ADDRESS: Final = r"(?![\w-]|\.\w)"


class Redaction:
    """Replaces each of the texts, whatever its case, by the pseudonym."""

    def __init__(self, texts: Iterable[str], pseudonym: str) -> None:
        self.pseudonym = pseudonym
        forms = {form for text in texts for form in _stored_forms(text)}
        # The longest first, because a name may be a part of an address.
        self._stored = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
        whole = (
            form + (AFTER_ADDRESS if "@" in form or "%40" in form else AFTER)
            for form in self._stored
        )
        self._pattern = re.compile(f"{BEFORE}(?:{'|'.join(whole)})", re.IGNORECASE)

    def text(self, text: str) -> str:
        return self._pattern.sub(self.pseudonym, text) if self._stored else text

    def value(self, value: Any) -> Any:
        """Return a JSON value, or a text, with the texts replaced in it."""
        match value:
            case str():
                return self.text(value)
            case dict():
                # Most keys are names of fields; an address may be one as well.
                return {
                    self.text(name) if "@" in name else name: self.value(part)
                    for name, part in value.items()
                }
            case list():
                return [self.value(part) for part in value]
            case _:
                return value

    def rows(
        self, rows: "models.QuerySet[Any]", columns: Sequence["models.Field[Any, Any]"]
    ) -> "models.QuerySet[Any]":
        """Keep the rows in which a column contains a text, or might."""
        text = models.TextField()
        blank = Value("", output_field=text)
        texts = [Coalesce(Cast(column.name, text), blank) for column in columns]
        rows = rows.alias(all_texts=Concat(*texts, blank))
        return (
            rows.filter(all_texts__iregex="|".join(self._stored)) if self._stored else rows.none()
        )


def _stored_forms(text: str) -> Iterator[str]:
    """Yield the text as columns contain it: case-folded, in JSON, in URLs."""
    for form in {text, normalize_key(text)}:
        yield form
        # SQLite stores JSON in ASCII, and jsonb escapes quotation marks.
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]
        yield quote(form, safe="")
        yield quote_plus(form)


def text_columns(model: type[models.Model]) -> list["models.Field[Any, Any]"]:
    """Return the columns of the model that may contain a text about a person."""
    return [
        column
        for column in model._meta.concrete_fields
        if isinstance(column, models.CharField | models.TextField | models.JSONField)
        and not column.choices
        and not column.primary_key
    ]
