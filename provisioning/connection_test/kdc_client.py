"""Asks a KDC for a ticket, and decrypts it with a keytab.

This is a program for a process of its own: libkrb5 takes its settings from the environment of the
process, and cannot be given a time limit. Without Django, it imports nothing of Ramp.

It reads a JSON object with the arguments of `try_ticket` and prints its result as JSON.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any


def try_ticket(
    *, service: str, keytab: str, name: str, password: str, settings: str
) -> dict[str, Any]:
    """Return which step failed: `credentials`, `ticket`, `key`, or none; with the error.

    :param name: the principal that asks for a ticket, by its password, or by a key of the keytab.
    :param settings: the path of a krb5.conf that precedes the one of the host.
    """
    os.environ["KRB5_CONFIG"] = f"{settings}:{os.environ.get('KRB5_CONFIG', '/etc/krb5.conf')}"
    # The ticket is never presented to anybody else.
    os.environ["KRB5RCACHENAME"] = "none:"
    gssapi: Any = import_module("gssapi")
    kind, mechanism = gssapi.NameType.kerberos_principal, gssapi.MechType.kerberos
    step = "credentials"
    try:
        client = gssapi.Name(name, kind)
        if password:
            credentials = gssapi.raw.acquire_cred_with_password(
                client, password.encode(), usage="initiate"
            ).creds
        else:
            stores = {"client_keytab": keytab, "ccache": "MEMORY:"}
            credentials = gssapi.Credentials(name=client, usage="initiate", store=stores)
        step = "ticket"
        asking = gssapi.SecurityContext(
            name=gssapi.Name(service, kind), creds=credentials, mech=mechanism, usage="initiate"
        )
        # Otherwise `step` would hide its errors.
        asking.__DEFER_STEP_ERRORS__ = False
        ticket = asking.step()
        step = "key"
        keys = gssapi.Credentials(usage="accept", store={"keytab": keytab})
        accepting = gssapi.SecurityContext(creds=keys, usage="accept")
        accepting.__DEFER_STEP_ERRORS__ = False
        accepting.step(ticket)
    except gssapi.exceptions.GSSError as error:
        messages = error.get_all_statuses(error.min_code, is_maj=False)
        return {"failed": step, "code": error.min_code, "message": " ".join(messages)}
    return {"failed": "", "code": 0, "message": ""}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(try_ticket(**json.load(sys.stdin))))
