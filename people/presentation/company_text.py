"""The words for events of the company: its places, settings, connections and sign-in providers."""

from collections.abc import Mapping
from typing import Any

from people import hooks
from people.models import Event

# What was done to a SCIM connection, by the fact `what` of its event.
CONNECTION_DEEDS = {
    "added": "started to connect {provider}",
    "activated": "activated the connection to {provider}",
    "settings": "changed the settings of the connection to {provider}",
    "token added": "created a SCIM token{hint} for {provider}",
    "token revoked": "revoked the SCIM token{hint} of {provider}",
    "setup link added": "created a link for IT to set up {provider}",
    "setup link revoked": "revoked the link for IT to set up {provider}",
    "setup link mailed": "emailed the link for IT to set up {provider}",
    "disconnected": "disconnected {provider}",
    "abandoned": "canceled the setup of {provider}",
    "certification on": "turned on certification of {provider}",
    "certification off": "turned off certification of {provider}",
    "the sign-in page": "changed the settings of the sign-in page",
}
# What was done to the company, by the fact `what` of the event.
COMPANY_DEEDS = {
    "company": "changed {fields} of the company",
    "invites": "changed when invites expire",
    "restore": "restored Ramp from a backup, which ended all sessions and mailed links",
    "restore with tokens": (
        "restored Ramp from a backup, which ended all sessions, mailed links and tokens"
    ),
    "bulk-change guard": "changed the alert thresholds for bulk deactivations",
}
SETTING_LABELS = {
    "manual_invite_days": "days until an invite expires",
    "auto_terminate_days": "days until auto-termination",
    "alarm_people": "people within an hour",
    "alarm_percent": "percent of people within an hour",
    "alarm_minute_people": "people within a minute",
    "is_active": "active",
    "allows_passwords": "Ramp passwords allowed",
    "second_factor": "second factor required of",
    "url": "URL",
    "kinds": "events",
    "may_assign_owner": "may assign Owner",
}


def connection_deed(facts: Mapping[str, Any]) -> str:
    """Return what was done to the connection or the sign-in provider."""
    what = str(facts.get("what", ""))
    # All other events contain a text for readers, such as “added sign-in through Okta”.
    deed = CONNECTION_DEEDS.get(what)
    if deed is None:
        return what
    hint = f" …{facts['hint']}" if facts.get("hint") else ""
    return deed.format(provider=hooks.provider_name(str(facts.get("provider", ""))), hint=hint)


def organization_deed(event: Event, fields: str) -> str:
    """Return what was done to a place, or to settings of the company. `fields` lists the fields."""
    what = event.facts.get("what", "place")
    if what == "auto-termination":
        days = event.changes["auto_terminate_days"]["to"]
        return f"set auto-termination to {days} days" if days else "turned off auto-termination"
    if what in COMPANY_DEEDS and "name" not in event.changes:
        return COMPANY_DEEDS[what].format(fields=fields)
    name = event.changes.get("name", {})
    match name.get("from"), name.get("to"):
        case None, str() as new:
            return f"added the {what} {new}"
        case str() as old, None:
            return f"deleted the {what} {old}"
        case str() as old, str() as new:
            return f"renamed the {what} {old} to {new}"
        case _:
            return f"changed {fields} of a {what}"


def plain_value(value: Any) -> str:
    """Return the value of a setting as a text: “yes”, “a, b”, “domains: a, b”."""
    match value:
        case None | "" | [] | {}:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            parts = ((label_of(str(key)), plain_value(one)) for key, one in value.items())
            return "; ".join(f"{label}: {text}" for label, text in parts if text)
        case list():
            return ", ".join(map(plain_value, value))
        case _:
            return str(value)


def label_of(setting: str) -> str:
    return SETTING_LABELS.get(setting) or setting.removeprefix("custom.").replace("_", " ")
