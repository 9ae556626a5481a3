"""Forms and texts of the group mapping pages of SCIM connections and sign-in providers."""

from collections import Counter
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from unfold.widgets import UnfoldAdminSelectWidget

from people.models import Person, Role
from people.operations import ranks
from people.operations.roles.group_mappings import Author, MappingEffects
from people.operations.roles.mapping_rules import BASE_ROLES, MappingResult
from people.values import normalize_key
from people.views.role_choices import offer_roles

CHANGES_SHOWN: Final = 200
# The highest role first. A group cannot grant Guest.
MAPPABLE = [role for role in reversed(BASE_ROLES) if role != Person.Role.GUEST]


class RoleForm(forms.Form):
    """Asks for the role that a group grants. It offers the roles that the viewer may grant."""

    role = forms.ChoiceField(label="Grants role", widget=UnfoldAdminSelectWidget)
    is_owner_confirmed = forms.BooleanField(
        label="Members become Owners",
        required=False,
        help_text="Only needed for the role Owner. No group grants it without this confirmation.",
        widget=forms.CheckboxInput(attrs={"class": "ramp-tick"}),
    )

    def __init__(self, *args: Any, viewer: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.custom = {f"role:{one.pk}": one for one in Role.objects.order_by("name")}
        self.base = {role.value: role for role in MAPPABLE}
        roles = [*self.base.items(), *self.custom.items()]
        offer_roles(self.fields["role"], roles, viewer=viewer, blank="Choose a role")
        if not ranks.may_grant(viewer, Person.Role.OWNER):
            del self.fields["is_owner_confirmed"]

    @property
    def chosen(self) -> Role | Person.Role:
        name = self.cleaned_data["role"]
        return self.custom[name] if name in self.custom else self.base[name]

    @property
    def confirms_owner(self) -> bool:
        return bool(self.cleaned_data.get("is_owner_confirmed", False))


def author_of(person: Person) -> Author:
    return Author(actor=person.actor)


def is_confirmed(request: HttpRequest, effects: MappingEffects) -> bool:
    """Tell whether the request confirms a preview that showed exactly these effects."""
    return request.method == "POST" and request.POST.get("seen") == _digest(effects)


def preview_context(request: HttpRequest, effects: MappingEffects) -> dict[str, Any]:
    """Return the context of `people/_group_mapping_preview.html`."""
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    blocked = 0
    for change in effects.changes:
        gained.update(change.gained)
        lost.update(change.lost)
        blocked += bool(change.problems)
    tally = [_line(count, "gain", role) for role, count in gained.most_common()]
    tally += [_line(count, "lose", role) for role, count in lost.most_common()]
    if blocked:
        tally.append(f"Blocked for {blocked:,}")
    return {
        "effects": effects,
        "tally": tally,
        # Problems first, because only the first rows are shown.
        "changes": sorted(effects.changes, key=_problems_first)[:CHANGES_SHOWN],
        "more": max(0, len(effects.changes) - CHANGES_SHOWN),
        "seen": _digest(effects),
        "has_changed": request.method == "POST",
    }


def _digest(effects: MappingEffects) -> str:
    """Return a digest of the effects, to detect that a preview is outdated."""
    lines = [*effects.added, "-", *effects.removed]
    for change in effects.changes:
        lines += [str(change.person.pk), *change.gained, "-", *change.lost, *change.problems]
    return salted_hmac("people.role_changes", "\n".join(lines), algorithm="sha256").hexdigest()


def _problems_first(change: MappingResult) -> tuple[bool, str, str]:
    person = change.person
    return (
        not change.problems,
        normalize_key(person.family_name),
        normalize_key(person.given_name),
    )


def _line(count: int, verb: str, role: str) -> str:
    return f"1 person {verb}s {role}" if count == 1 else f"{count:,} people {verb} {role}"


def changed_text(changed: int) -> str:
    """Return a sentence that says for how many people roles have changed."""
    match changed:
        case 0:
            return "No roles change"
        case 1:
            return "The roles of 1 person changed"
    return f"The roles of {changed:,} people changed"


def progress_text(changed: int) -> str:
    """Like `changed_text`, while a worker still applies the rest."""
    if changed:
        return f"{changed_text(changed)}. Other roles change within minutes."
    return "The roles change within minutes."
