"""The forms of a signal stream."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import SignalStream
from people.operations.signals.event_types import SignalType
from people.operations.signals.security_events import events_delivered
from people.operations.signals.streams import StreamSettings

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
Method = SignalStream.Method


class StreamForm(forms.Form):
    """What can be changed later: the name, the receiver, and the events."""

    description = forms.CharField(
        label="Name",
        max_length=100,
        help_text="The application that receives the events.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Expense reports"}),
    )
    url = forms.CharField(
        label="URL of the receiver",
        required=False,
        max_length=500,
        help_text="Only for push. Redirects are not followed.",
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "https://app.example.com/events", "inputmode": "url"} | PLAIN
        ),
    )
    authorization = forms.CharField(
        label="Authorization header",
        required=False,
        max_length=2000,
        help_text="Only for push, if the receiver requires one. Ramp sends it with each event.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Bearer …"} | PLAIN),
    )
    events = forms.MultipleChoiceField(
        label="Events",
        choices=SignalType.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "ramp-tick"}),
    )

    @classmethod
    def of(cls, stream: SignalStream) -> "StreamForm":
        form = cls(
            initial={
                "description": stream.endpoint.description,
                "url": stream.endpoint.url,
                "events": events_delivered(stream),
            }
        )
        form.adapt_to(stream)
        return form

    def adapt_to(self, stream: SignalStream) -> None:
        """Leave out what the delivery method of the stream does not need."""
        if not stream.is_push:
            del self.fields["url"], self.fields["authorization"]
        elif stream.endpoint.secret:
            self.fields["authorization"].help_text = "Leave it empty to keep the present one."

    @property
    def chosen(self) -> StreamSettings:
        """Return the settings, once the form is valid."""
        values = self.cleaned_data
        return StreamSettings(
            url=values.get("url", ""),
            description=values["description"],
            events_requested=values["events"],
            authorization=values.get("authorization") or None,
        )


class NewStreamForm(StreamForm):
    method = forms.ChoiceField(
        label="Delivery",
        choices=[
            (Method.PUSH, "Push: Ramp sends each event to a URL"),
            (Method.POLL, "Poll: the receiver asks Ramp for events"),
        ],
        widget=forms.RadioSelect(attrs={"class": "ramp-tick"}),
    )
    subject_format = forms.ChoiceField(
        label="People are named by",
        choices=SignalStream.SubjectFormat.choices,
        help_text="People without a sign-in provider are named by their email address.",
        widget=forms.RadioSelect(attrs={"class": "ramp-tick"}),
    )
    audience = forms.CharField(
        label="Audience",
        required=False,
        max_length=500,
        help_text="Optional: the value of “aud” that the receiver expects.",
        widget=UnfoldAdminTextInputWidget(attrs=PLAIN),
    )

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        is_push = values.get("method") == Method.PUSH
        if is_push and not values.get("url") and "url" in values:
            self.add_error("url", "Enter the URL of the receiver, or choose poll.")
        if not is_push:
            values["url"] = values["authorization"] = ""
        return values
