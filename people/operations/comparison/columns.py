"""Which field each column of a list contains."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from people.models import Comparison, CustomField
from people.models.field_table import EDITABLE, LABELS
from people.values import PeopleError, normalize_key

# What a column may contain, with the headers by which it is recognized, the best first. They are
# compared without case, spaces and punctuation.
SYNONYMS: Final[Mapping[str, Sequence[str]]] = {
    "email": (
        *("workemail", "workemailaddress", "companyemail", "businessemail", "primaryemail"),
        *("primaryworkemail", "email", "emailaddress", "mail", "mailaddress", "emails"),
        *("emailwork", "userprincipalname", "upn"),
    ),
    "user_name": ("username", "login", "loginname", "userid", "samaccountname", "account"),
    "external_id": (
        *("externalid", "employeeid", "employeenumber", "employeeno", "personnelnumber"),
        *("workerid", "staffid", "objectid", "id"),
    ),
    "given_name": ("firstname", "givenname", "forename", "preferredfirstname", "legalfirstname"),
    "family_name": ("lastname", "surname", "familyname", "secondname", "legallastname"),
    "full_name": ("fullname", "name", "displayname", "employeename", "employee", "workername"),
    "department": ("department", "departmentname", "dept", "team", "division", "orgunit"),
    "location": (
        *("location", "locationname", "worklocation", "office", "officelocation", "site"),
        *("workplace", "city"),
    ),
    "manager": (
        *("managersemailaddress", "manageremail", "manageremailaddress", "managersemail"),
        *("supervisoremail", "reportstoemail", "linemanageremail", "managerusername"),
        *("managerid", "manageremployeeid", "manager", "managername", "supervisor", "reportsto"),
        *("linemanager", "boss"),
    ),
    "role": ("role", "ramprole", "userrole", "accessrole"),
    "state": (
        *("status", "state", "employmentstatus", "employeestatus", "workerstatus", "active"),
        *("isactive", "accountenabled", "accountstatus"),
    ),
}
# Every field that lists may have. A field without synonyms is recognized by its label.
LISTED: Final = tuple(dict.fromkeys((*SYNONYMS, *EDITABLE)))
TITLES: Final = {
    "email": "Email address",
    "user_name": "userName at the identity provider",
    "external_id": "External ID at the identity provider",
    "full_name": "Full name",
    "state": "Status (active or inactive)",
}
CUSTOM: Final = "custom."


class InvalidColumns(PeopleError):
    code = "invalid-columns"

    def __init__(self, message: str) -> None:
        super().__init__(message)


def titles() -> dict[str, str]:
    """Return what a column may contain: titles by field."""
    known = {name: TITLES.get(name) or LABELS[name].capitalize() for name in LISTED}
    custom = CustomField.objects.order_by("name", "pk")
    return known | {f"{CUSTOM}{one.external_name}": one.name for one in custom}


def guess_columns(header: Sequence[str]) -> dict[str, str]:
    """Return the fields of the columns that are recognized by their headers, by column index."""
    keys = [_comparable(title) for title in header]
    guessed: dict[str, str] = {}
    for field in CustomField.objects.order_by("pk"):
        # A custom field was added for just this; “Employee ID” may be its name.
        names = (_comparable(field.name), _comparable(field.external_name))
        _claim(guessed, keys, names, f"{CUSTOM}{field.external_name}")
    for name in LISTED:
        synonyms = SYNONYMS.get(name) or (_comparable(LABELS[name]),)
        _claim(guessed, keys, synonyms, name)
    return guessed


def _claim(guessed: dict[str, str], keys: Sequence[str], names: Sequence[str], field: str) -> None:
    for name in names:
        for index, key in enumerate(keys):
            if key == name and str(index) not in guessed:
                guessed[str(index)] = field
                return


def _comparable(title: str) -> str:
    return re.sub(r"[\W_]", "", normalize_key(title))


def guess_key(columns: Mapping[str, str]) -> str:
    """Return which column identifies people: the email address if there is one."""
    found = set(columns.values())
    return next((key.value for key in Comparison.Key if key in found), Comparison.Key.EMAIL)


def check_columns(columns: Mapping[str, str], key: str) -> None:
    """Check that a list with these columns can be compared.

    :raises InvalidColumns: if a field has two columns, the identifying column is missing, or
        nothing is left to compare.
    """
    chosen = list(columns.values())
    names = titles()
    for field in dict.fromkeys(chosen):
        if field not in names:
            raise InvalidColumns(f"There is no field “{field}”.")
        if chosen.count(field) > 1:
            raise InvalidColumns(f"Several columns contain “{names[field]}”. Choose one of them.")
    if key not in chosen:
        raise InvalidColumns(
            f"Choose the column that contains “{Comparison.Key(key).label}”, which identifies "
            "people, or identify people by another column."
        )
