"""The form of the attribute mapping."""

from collections.abc import Iterable
from typing import Any

from django import forms
from scim2_models import SCIMException
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import CustomField
from people.models.field_table import PLACES
from scim.models import Connection
from scim.rfc.resource_types import ENTERPRISE, RAMP
from scim.sync.attribute_mapping import SOURCES, check_path
from scim.sync.policies import FIELD_NAMES

MAX_PATH_LENGTH = 500
# The id of the page's list of attributes that the provider sends in extensions of its own.
EXTENSION_PATHS = "extension-paths"

# The built-in fields, in the order of the page: department and location come first.
FIELDS = sorted(SOURCES, key=lambda name: name not in PLACES)
# Names of built-in fields, which custom fields must not have.
RESERVED = frozenset(FIELDS)


class PathField(forms.CharField):
    """A SCIM path that points at text."""

    def __init__(self, label: str, description: str) -> None:
        widget = UnfoldAdminTextInputWidget(
            attrs={
                "placeholder": "its default attributes",
                "list": EXTENSION_PATHS,
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        )
        super().__init__(
            label=label,
            required=False,
            max_length=MAX_PATH_LENGTH,
            widget=widget,
            help_text=f"If empty: {description}.",
        )

    def clean(self, value: Any) -> str:
        path: str = super().clean(value)
        if not path:
            return path
        try:
            target = check_path(path).leaf
        except SCIMException as error:
            raise forms.ValidationError(str(error.detail)) from error
        assert target is not None
        leaf = target.part("value") if target.kind == "complex" else target
        if leaf is None:
            texts = [part for part in target.parts if part.kind == "string" and part.name != "type"]
            parts = ", ".join(f"{path}.{part.name}" for part in texts)
            raise forms.ValidationError(
                f"“{path}” has sub-attributes. Choose one of them: {parts}."
            )
        is_text = leaf.kind in ("string", "reference")
        if not is_text or not leaf.is_written or leaf.returned == "never":
            raise forms.ValidationError(f"“{path}” is not a text value that a provider can send.")
        return path


class SourcesForm(forms.Form):
    """One path for each field; the custom fields come last."""

    def __init__(self, *args: Any, custom_fields: Iterable[CustomField], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in FIELDS:
            self.fields[name] = PathField(FIELD_NAMES[name].capitalize(), SOURCES[name].description)
        for field in custom_fields:
            if field.external_name in RESERVED:
                continue
            first, *others = field.external_name.split("_")
            camel = first + "".join(word.title() for word in others)
            either = f"{camel} or {field.external_name}" if others else camel
            usual = f"{either} of the Ramp extension"
            self.fields[field.external_name] = PathField(field.name, usual)

    @property
    def mapping(self) -> dict[str, str]:
        return {name: path for name, path in self.cleaned_data.items() if path}

    @property
    def labels(self) -> dict[str, str]:
        return {name: str(field.label) for name, field in self.fields.items()}

    @property
    def own(self) -> list[forms.BoundField]:
        return [self[name] for name in FIELDS]

    @property
    def custom(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in FIELDS]


def sources_form(connection: Connection, data: Any = None) -> SourcesForm:
    fields = CustomField.objects.order_by("name", "pk")
    return SourcesForm(data, initial=connection.mapping, custom_fields=fields)


class CustomFieldForm(forms.ModelForm[CustomField]):
    class Meta:
        model = CustomField
        fields = ("name", "external_name")
        widgets = {
            "name": UnfoldAdminTextInputWidget(),
            "external_name": UnfoldAdminTextInputWidget(),
        }

    def clean_external_name(self) -> str:
        name: str = self.cleaned_data["external_name"]
        if name in RESERVED:
            raise forms.ValidationError(f"“{name}” is a built-in field.")
        return name


EXAMPLES = (
    f"{ENTERPRISE.urn}:costCenter",
    f"{RAMP.urn}:office",
    'addresses[type eq "work"].region',
)
