"""Notes about tolerated parts of a request: ignored values, and understood dialects.

Ramp reads such a request without an error, and the response does not mention the tolerated
parts. To show them to an administrator, a page reads the stored body again inside `collecting`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

IGNORED = "Ignored: "
UNDERSTOOD = "Understood: "


class Note(NamedTuple):
    """A sentence about a part of the request; `provider` names the known senders of it."""

    text: str
    provider: str = ""
    is_ignored: bool = False


_COLLECTED: ContextVar[list[Note] | None] = ContextVar("_COLLECTED", default=None)


@contextmanager
def collecting() -> Iterator[list[Note]]:
    """Collect the notes about everything that is read in the block."""
    notes: list[Note] = []
    token = _COLLECTED.set(notes)
    try:
        yield notes
    finally:
        _COLLECTED.reset(token)


def ignored(name: str, reason: str) -> None:
    """Note that a value of the request is not stored."""
    _add(Note(f"{IGNORED}{name[:200]}, {reason}", is_ignored=True))


def understood(text: str, provider: str) -> None:
    """Note how a value or a name was interpreted, and which provider is known to send it."""
    _add(Note(f"{UNDERSTOOD}{text[:300]}", provider))


def spelled(sent: str, name: str) -> None:
    """Note that an attribute was sent in another case, or under a former name."""
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
