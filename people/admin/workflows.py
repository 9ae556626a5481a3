"""Workflows with their steps, each of which is one approver."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.decorators import display

from people.admin.model_admin import CompanyAdmin
from people.models import Approval, Person, Step, Workflow
from people.operations.spend import approvals
from people.operations.spend.approvals import StepChoice
from people.presentation.lookup_widgets import LookupField, lookup_field
from people.values import PeopleError
from people.views.permissions import PersonRequest

# The number of empty steps in a form. Without JavaScript, a page cannot add fields later.
NEW_STEPS = 3


class WorkflowForm(forms.ModelForm[Any]):
    """Asks for the approver of each step; an empty one drops the step."""

    def choices(self) -> Iterator[StepChoice]:
        steps = {step.pk: step for step in _steps(self.instance)}
        for name, approver in self.cleaned_data.items():
            kind, _, key = name.partition("_")
            if kind == "step":
                yield StepChoice(steps.get(int(key)), approver, name)
            elif kind == "new" and approver:
                yield StepChoice(None, approver, name)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            approvals.check_workflow(self.instance, list(self.choices()))
        except PeopleError as error:
            self.add_error(error.field, str(error))


@admin.register(Workflow)
class WorkflowAdmin(CompanyAdmin):
    address = "spend/workflows/"
    nothing_yet = "A workflow lists who approves a reimbursement, in order."
    list_display = ("name", "steps", "pending")
    search_fields = ("name", "steps__approver__given_name", "steps__approver__family_name")
    search_help_text = "Workflow or approver"
    ordering = ("name", "pk")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        workflows: QuerySet[Workflow] = super().get_queryset(request)
        pending = Approval.objects.filter(state=Approval.State.PENDING)
        return workflows.annotate(
            step_count=_count(Step.objects.filter(workflow=OuterRef("pk")), "workflow"),
            pending_count=_count(pending.filter(step__workflow=OuterRef("pk")), "step__workflow"),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Workflow | None = None) -> list[str]:
        return ["name", *_step_fields(obj)]

    def get_form(
        self, request: HttpRequest, obj: Workflow | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        # Django's admin reads the declared fields from the form class, so a workflow with other
        # steps needs another class.
        form = type("WorkflowForm", (WorkflowForm,), _step_fields(obj))
        texts = {"name": "Approvers are asked in order. Clear a step to remove it."}
        return super().get_form(request, obj, *args, form=form, help_texts=texts, **kwargs)

    def save_model(
        self,
        request: PersonRequest,
        obj: Workflow,
        form: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        approvals.save_workflow(obj, list(form.choices()), actor=request.user.actor)

    @display(description="Steps")
    def steps(self, workflow: Any) -> str:
        return f"{workflow.step_count:,}"

    @display(description="Pending approvals")
    def pending(self, workflow: Any) -> str:
        return f"{workflow.pending_count:,}"


def _count(rows: QuerySet[Any], by: str) -> Coalesce:
    counted = rows.order_by().values(by).annotate(count=Count("pk"))
    return Coalesce(Subquery(counted.values("count")), 0)


def _steps(workflow: Workflow | None) -> list[Step]:
    if workflow is None or workflow.pk is None:
        return []
    return list(workflow.steps.order_by("place").select_related("approver"))


def _step_fields(workflow: Workflow | None) -> dict[str, Any]:
    """Return a field for each step that there is, and for a few new ones."""
    steps = _steps(workflow)
    fields = {
        f"step_{step.pk}": _approver(f"Step {number}", step.approver)
        for number, step in enumerate(steps, 1)
    }
    for number in range(1, NEW_STEPS + 1):
        fields[f"new_{number}"] = _approver(f"Step {len(steps) + number}")
    return fields


def _approver(label: str, approver: Person | None = None) -> LookupField:
    return lookup_field(
        Step._meta.get_field("approver"),
        Person.objects.in_lists(),
        label=label,
        required=False,
        initial=approver,
    )
