"""Notes about a request: which values were ignored, and which dialects were understood.

They are no errors, and are not stored. A page that shows them reads the body of the request again,
inside `collecting`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

PASSED_OVER = "Ignored: "
UNDERSTOOD = "Understood: "


class Note(NamedTuple):
    """A sentence about a part of the request. `provider` names clients that send such a request."""

    text: str
    provider: str = ""
    is_passed_over: bool = False


_COLLECTED: ContextVar[list[Note] | None] = ContextVar("_COLLECTED", default=None)


@contextmanager
def collecting() -> Iterator[list[Note]]:
    """Collect the notes of everything that is read in the block."""
    notes: list[Note] = []
    token = _COLLECTED.set(notes)
    try:
        yield notes
    finally:
        _COLLECTED.reset(token)


def passed_over(name: str, reason: str) -> None:
    """Note that a value of the request is ignored."""
    _add(Note(f"{PASSED_OVER}{name[:200]}, {reason}", is_passed_over=True))


def understood(text: str, provider: str) -> None:
    """Note how a value or a name was interpreted, and which clients send it in this form."""
    _add(Note(f"{UNDERSTOOD}{text[:300]}", provider))


def spelled(sent: str, name: str) -> None:
    """Note that an attribute was sent in another case, or with a former name."""
    if sent != name:
        understood(f"“{sent}” as “{name}”", "Microsoft's Postman collection")


def foreign_extension(path: str) -> None:
    understood(f"{path} as an unknown extension, which can be mapped", "")


def at_the_top(name: str) -> None:
    understood(f"“{name}” at the top as in its extension", "Entra")


def _add(note: Note) -> None:
    collected = _COLLECTED.get()
    if collected is not None and note not in collected:
        collected.append(note)
