"""Team updates, To review: people who may have come back, and roles to restore."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from people.models import Person, Role
from people.operations import rehires
from people.operations.roles.withheld_roles import ASKED, key_of, people_with_withheld_roles
from people.presentation.search_forms import PersonSearch
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from scim.api import same_person
from scim.models import SamePersonQuestion
from scim.sync.match_evidence import LABELS, Traits
from scim.views.team_updates.common import (
    context_of,
    page_of,
    same_person_questions,
    show_tab,
)

TAB = "team_updates_review"


@dataclass(frozen=True)
class Trait:
    """A row of the comparison of two resources."""

    label: str
    earlier: str
    now: str
    verdict: str


@dataclass(frozen=True)
class Row:
    question: SamePersonQuestion

    @property
    def name(self) -> str:
        person = self.question.user.person
        return person.full_name if person else self.question.user.scim_username

    @property
    def agrees(self) -> str:
        return ", ".join(LABELS[name] for name in self.question.agrees)

    @property
    def differs(self) -> str:
        return ", ".join(LABELS[name] for name in self.question.differs)


@administrator_required
def review(request: HttpRequest) -> HttpResponse:
    form = PersonSearch(request.GET)
    page = page_of(request, _questions().order_by("-asked_at", "-pk"))
    returned = list(people_with_withheld_roles().order_by("family_name", "given_name", "pk"))
    return show_tab(
        request,
        "scim/team_updates/to_review.html",
        form=form,
        page=page,
        ever=SamePersonQuestion.objects.exists,
        rows=[Row(question) for question in page],
        returned=[(person, _asked_roles(person)) for person in returned],
    )


@administrator_required
def same_person_page(request: PersonRequest, question_id: int) -> HttpResponse:
    """Show the comparison, and save the answer."""
    question = get_object_or_404(_questions(), pk=question_id)
    row = Row(question)
    if request.method == "POST":
        return _take_answer(request, row)
    new = question.user.person
    question.earlier_user.connection = question.user.connection = question.connection
    earlier, now = Traits.of(question.earlier_user), Traits.of(question.user)
    verdicts = dict.fromkeys(question.agrees, "agrees") | dict.fromkeys(question.differs, "differs")
    context = context_of(request, f"Is {row.name} the same person?", parent=TAB) | {
        "row": row,
        "question": question,
        "earlier": question.earlier,
        "new": new,
        "traits": [
            Trait(label, getattr(earlier, name), getattr(now, name), verdicts.get(name, ""))
            for name, label in LABELS.items()
        ],
        "held": same_person.describe_holdings(new) if new else [],
    }
    return render(request, "scim/team_updates/same_person.html", context)


def _take_answer(request: PersonRequest, row: Row) -> HttpResponse:
    actor, question = request.user.actor, row.question
    try:
        if request.POST.get("answer") == "same":
            person = same_person.confirm_same_person(question, actor=actor)
            messages.success(request, f"{person.full_name} was restored and joins again.")
            return redirect("admin:people_person_change", person.pk)
        same_person.confirm_different_person(question, actor=actor)
    except PeopleError as error:
        messages.error(request, str(error))
        return redirect("admin:same_person", question.pk)
    messages.success(
        request, f"{row.name} and {question.earlier.full_name} remain two different people."
    )
    return redirect(f"admin:{TAB}")


@administrator_required
@require_POST
def withheld_role(request: PersonRequest, person_id: UUID) -> HttpResponse:
    """Restore the elevated role of a returned person, or decline it."""
    person = get_object_or_404(people_with_withheld_roles(), pk=person_id)
    name, actor = request.POST.get("role", ""), request.user.actor
    label = dict(_asked_roles(person)).get(name, "")
    try:
        if request.POST.get("answer") == "give":
            rehires.give_role_back(person, name, actor=actor)
            messages.success(request, f"{person.full_name} has the role {label} again.")
        else:
            rehires.decline_role(person, name, actor=actor)
            messages.success(request, f"The role {label} of {person.full_name} was not restored.")
    except PeopleError as error:
        messages.error(request, str(error))
    return redirect(f"admin:{TAB}")


def _questions() -> QuerySet[SamePersonQuestion]:
    questions: QuerySet[SamePersonQuestion] = same_person_questions()
    return questions.select_related("connection", "earlier", "earlier_user", "user__person")


def _asked_roles(person: Person) -> list[tuple[str, str]]:
    """Return the withheld roles to be decided about, by name and by label."""
    own = {key_of(role): role.name for role in Role.objects.all()}
    labels: dict[str, str] = {**dict(Person.Role.choices), **own}
    return [
        (name, labels[name])
        for name, state in person.withheld_roles.items()
        if state == ASKED and name in labels
    ]
