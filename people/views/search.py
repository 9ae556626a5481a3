"""The search of everything, as a page and in the dialog that Ctrl-K opens."""

from django import forms
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminTextInputWidget

from people import hooks, search
from people.models import Person
from people.presentation.search import ResultSection, in_sections, query_of
from people.views.page_context import page_context
from people.views.permissions import is_operator, is_tenant_admin


class SearchForm(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "type": "search",
                "autocomplete": "off",
                "placeholder": "Name, address, group, page or request ID",
            }
        ),
    )


@never_cache
def search_page(request: HttpRequest) -> HttpResponse:
    """Show the results to administrators and operators; redirect others as every page does."""
    visitor = request.user
    if not (is_tenant_admin(visitor) or is_operator(visitor)) or not isinstance(visitor, Person):
        return redirect_to_login(request.get_full_path())
    form = SearchForm(request.GET)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    sections: list[ResultSection] = []
    if text:
        query = query_of(text, visitor)
        # Hooks find the data of a company, which operators may not see.
        find = search.results_for_operators if is_operator(visitor) else hooks.search_results
        sections = in_sections(query, find(query))
    context = {
        "form": form,
        "text": text,
        "sections": sections,
        "count": sum(len(one.results) for one in sections),
        "may_diagnose": is_tenant_admin(visitor),
    }
    if "X-Dialog" in request.headers:
        return render(request, "people/search/_results.html", context)
    return render(request, "people/search/page.html", page_context(request, "Search") | context)
