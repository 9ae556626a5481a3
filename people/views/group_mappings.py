"""What the pages that map groups to roles share, for SCIM connections and sign-in providers."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from unfold.widgets import UnfoldAdminSelectWidget

from people.models import Person, Role
from people.operations import ranks
from people.operations.roles.group_mappings import Author, Outcome
from people.operations.roles.mapping_rules import RANKS, MappingResult
from people.values import normalize_key
from people.views.role_choices import offer_roles

CHANGES_SHOWN: Final = 200
# Nobody becomes a Guest through a group.
MAPPABLE = [role for role in reversed(RANKS) if role != Person.Role.GUEST]


class RoleForm(forms.Form):
    """Which role a group is to bring, of those that the author may give away."""

    role = forms.ChoiceField(label="Grants role", widget=UnfoldAdminSelectWidget)
    is_owner_meant = forms.BooleanField(
        label="Members become Owners",
        required=False,
        help_text="Only needed for the role Owner. No group grants it without this confirmation.",
        widget=forms.CheckboxInput(attrs={"class": "ramp-tick"}),
    )

    def __init__(self, *args: Any, viewer: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = {f"role:{one.pk}": one for one in Role.objects.order_by("name")}
        self.base = {role.value: role for role in MAPPABLE}
        roles = [*self.base.items(), *self.own.items()]
        offer_roles(self.fields["role"], roles, viewer=viewer, blank="Choose a role")
        if not ranks.may_grant(viewer, Person.Role.OWNER):
            del self.fields["is_owner_meant"]

    @property
    def chosen(self) -> Role | Person.Role:
        name = self.cleaned_data["role"]
        return self.own[name] if name in self.own else self.base[name]

    @property
    def is_owner_wanted(self) -> bool:
        return bool(self.cleaned_data.get("is_owner_meant", False))


def author_of(person: Person) -> Author:
    return Author(actor=person.actor)


def is_confirmed(request: HttpRequest, outcome: Outcome) -> bool:
    """Tell whether the request confirms a preview that showed this outcome."""
    return request.method == "POST" and request.POST.get("seen") == _digest(outcome)


def preview_context(request: HttpRequest, outcome: Outcome) -> dict[str, Any]:
    """Return what `people/_group_mapping_preview.html` shows of the outcome."""
    return {
        "outcome": outcome,
        "tally": _count_by_role(outcome.changes),
        "changes": sorted(outcome.changes, key=_problems_first)[:CHANGES_SHOWN],
        "more": max(0, len(outcome.changes) - CHANGES_SHOWN),
        "seen": _digest(outcome),
        "has_changed": request.method == "POST",
    }


def _digest(outcome: Outcome) -> str:
    """Return a text that stays the same as long as applying would do the same."""
    lines = [*outcome.added, "-", *outcome.removed]
    for change in outcome.changes:
        lines += [str(change.person.pk), *change.gained, "-", *change.lost, *change.problems]
    return salted_hmac("people.role_changes", "\n".join(lines), algorithm="sha256").hexdigest()


def _problems_first(change: MappingResult) -> tuple[bool, str, str]:
    person = change.person
    return (
        not change.problems,
        normalize_key(person.family_name),
        normalize_key(person.given_name),
    )


def _count_by_role(changes: Iterable[MappingResult]) -> list[str]:
    """Tell how many gain and lose each role, and for how many something stands in the way."""
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    hindered = 0
    for change in changes:
        gained.update(change.gained)
        lost.update(change.lost)
        hindered += bool(change.problems)
    lines = [_line(count, "gain", role) for role, count in gained.most_common()]
    lines += [_line(count, "lose", role) for role, count in lost.most_common()]
    return lines + ([f"Blocked for {hindered:,}"] if hindered else [])


def _line(count: int, verb: str, role: str) -> str:
    return f"1 person {verb}s {role}" if count == 1 else f"{count:,} people {verb} {role}"


def told(changed: int) -> str:
    """Tell whose roles have changed."""
    match changed:
        case 0:
            return "No roles change"
        case 1:
            return "The roles of 1 person changed"
    return f"The roles of {changed:,} people changed"


def told_so_far(changed: int) -> str:
    """Tell the same while a worker goes on with it."""
    if changed:
        return f"{told(changed)}. Other roles change within minutes."
    return "The roles change within minutes."
