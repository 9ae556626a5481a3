"""What of a request was read tolerantly: what was passed over, and which dialects were understood.

Reading a document never fails because of these, and says nothing about them. A page that
wants to tell an administrator reads the body once more inside `collecting`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Note(NamedTuple):
    """A sentence about a part of the request; `provider` names who is known to send such."""

    text: str
    provider: str = ""


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
    """Note that a value of the request is not kept."""
    _add(Note(f"Passed over: {name[:200]}, {reason}"))


def understood(text: str, provider: str) -> None:
    """Note what a value or a name was taken for, and who is known to send it so."""
    _add(Note(f"Understood: {text[:300]}", provider))


def _add(note: Note) -> None:
    collected = _COLLECTED.get()
    if collected is not None and note not in collected:
        collected.append(note)
