"""The page to upload a list of people, and the page on which its columns are confirmed."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from people import hooks
from people.models import Comparison
from people.models.bulk_changes import UNDO_DAYS
from people.operations.comparison import requests
from people.operations.comparison.columns import titles
from people.operations.comparison.file_format import (
    ENCODINGS,
    MAX_COLUMNS,
    MAX_MEGABYTES,
    MAX_ROWS,
    SEPARATORS,
    Table,
    UnreadableFile,
    decode,
    read_table,
)
from people.presentation.actor_names import actor_name, people_names
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

EXAMPLES = 3
EXAMPLE_LENGTH = 60
RECENT = 20
ENCODED_AS = forms.ChoiceField(
    label="Encoding", choices=list(ENCODINGS.items()), widget=UnfoldAdminSelectWidget
)
SEPARATED_BY = forms.ChoiceField(
    label="Separator", choices=list(SEPARATORS.items()), widget=UnfoldAdminSelectWidget
)


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text=(
            f"A header row and one row per person. At most {MAX_MEGABYTES} MB, {MAX_ROWS:,} rows "
            f"and {MAX_COLUMNS} columns."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv", "class": "ramp-file"}),
        error_messages={
            "required": "Choose a CSV file.",
            "empty": "The file is empty. Choose a CSV file with a header row.",
        },
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        file = cast("UploadedFile[bytes]", self.cleaned_data["file"])
        if (file.size or 0) > MAX_MEGABYTES * 1024 * 1024:
            raise forms.ValidationError(f"The file is larger than {MAX_MEGABYTES} MB. Split it.")
        return file


@administrator_required
def compare(request: PersonRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            comparison = requests.upload(file.read(), file.name, actor=request.user.actor)
        except UnreadableFile as error:
            form.add_error("file", str(error))
        else:
            return redirect("admin:comparison_columns", comparison.pk)
    recent = list(Comparison.objects.defer("content").order_by("-created_at")[:RECENT])
    names = people_names(comparison.created_by for comparison in recent)
    people = reverse("admin:people_person_changelist")
    context = page_context(request, "Compare with a list", parent=("People", people)) | {
        "form": form,
        "submit": "Upload",
        "cancel": people,
        "recent": [(one, actor_name(one.created_by, names)) for one in recent],
        "kept_days": UNDO_DAYS,
    }
    return render(request, "people/compare/upload.html", context)


class ColumnsForm(forms.Form):
    """What each column contains, and which of them identifies people."""

    key = forms.ChoiceField(
        label="Identify people by",
        help_text="Rows are matched with people by this column.",
        widget=UnfoldAdminSelectWidget,
    )
    encoding = ENCODED_AS
    separator = SEPARATED_BY

    def __init__(self, data: Any, comparison: Comparison, table: Table) -> None:
        super().__init__(
            data,
            initial={
                "key": comparison.key,
                "encoding": comparison.encoding,
                "separator": comparison.separator,
            },
        )
        fields = titles()
        keys = Comparison.Key.choices
        if not hooks.has_identifiers():
            keys = [one for one in keys if one[0] == Comparison.Key.EMAIL]
            fields = {
                name: title
                for name, title in fields.items()
                if name not in ("user_name", "external_id")
            }
        cast("forms.ChoiceField", self.fields["key"]).choices = keys
        self.table = table
        for index, title in enumerate(table.header):
            self.fields[f"column-{index}"] = forms.ChoiceField(
                label=title or f"Column {index + 1}",
                required=False,
                choices=[("", "Ignore"), *fields.items()],
                initial=comparison.columns.get(str(index), ""),
                widget=UnfoldAdminSelectWidget,
            )

    def columns(self) -> list[tuple[forms.BoundField, list[str]]]:
        """Return the field of each column, with its values in the first rows."""
        records = self.table.records[:EXAMPLES]
        return [
            (
                self[f"column-{index}"],
                [one.cells[index][:EXAMPLE_LENGTH] for one in records if any(one.cells)],
            )
            for index in range(len(self.table.header))
        ]

    def chosen(self) -> dict[str, str]:
        chosen = {
            name.removeprefix("column-"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("column-")
        }
        return {index: value for index, value in chosen.items() if value}


@administrator_required
def columns(request: PersonRequest, comparison_id: UUID) -> HttpResponse:
    comparison = get_object_or_404(Comparison, pk=comparison_id)
    if comparison.state != Comparison.State.UPLOADED:
        return redirect("admin:comparison", comparison_id)
    text = decode(bytes(comparison.content), comparison.encoding)
    table = read_table(text, comparison.separator)
    form = ColumnsForm(request.POST or None, comparison, table)
    if form.is_bound and form.is_valid():
        try:
            if "again" in request.POST:
                requests.read_again(
                    comparison,
                    encoding=form.cleaned_data["encoding"],
                    separator=form.cleaned_data["separator"],
                )
                return redirect("admin:comparison_columns", comparison_id)
            requests.start_comparison(comparison, form.chosen(), form.cleaned_data["key"])
        except PeopleError as error:
            form.add_error("encoding" if isinstance(error, UnreadableFile) else None, str(error))
        else:
            return redirect("admin:comparison", comparison_id)
    parent = ("Compare with a list", reverse("admin:compare"))
    context = page_context(request, f"Columns of {comparison.file_name}", parent=parent) | {
        "form": form,
        "comparison": comparison,
        "row_count": len(table.records),
        "cancel": parent[1],
    }
    return render(request, "people/compare/columns.html", context)


@require_POST
@administrator_required
def discard(request: PersonRequest, comparison_id: UUID) -> HttpResponse:
    comparison = get_object_or_404(Comparison.objects.defer("content"), pk=comparison_id)
    try:
        requests.discard(comparison)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The list {comparison.file_name} was deleted.")
    return redirect("admin:compare")
