"""The access diagnosis page: “Why isn't Ada here?”"""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from people.presentation.diagnosis import Answer, diagnose
from people.views.page_context import page_context
from people.views.permissions import administrator_required


class DiagnosisForm(forms.Form):
    who = forms.CharField(
        label="Email address, userName or name",
        max_length=254,
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "ada@example.com", "autocomplete": "off"}
        ),
    )


@administrator_required
def why(request: HttpRequest) -> HttpResponse:
    form = DiagnosisForm(request.GET if "who" in request.GET else None)
    found: Answer | None = diagnose(form.cleaned_data["who"]) if form.is_valid() else None
    context = page_context(
        request, "Access diagnosis", parent=("People", reverse("admin:people_person_changelist"))
    ) | {
        "form": form,
        "answer": found,
    }
    return render(request, "people/diagnosis.html", context)
