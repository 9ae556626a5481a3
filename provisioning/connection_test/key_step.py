"""Tests the key of a keytab: gets a ticket from a KDC, and decrypts it with the keytab."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from provisioning.connection_test.step import Step, failed, passed

SECONDS: Final = 5
PROGRAM: Final = Path(__file__).with_name("kdc_client.py")
# The KDCs are those of the host's krb5.conf and those below. An administrator can enter any realm,
# so DNS must not decide where Ramp connects to.
LIBDEFAULTS: Final = """[libdefaults]
 dns_lookup_kdc = false
 dns_uri_lookup = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
"""
# Error numbers of krb5.h, as gssapi returns them: KRB5KRB_AP_ERR_BAD_INTEGRITY and
# KRB5KDC_ERR_PREAUTH_FAILED.
WRONG_KEY: Final = {2**32 - 1765328353, 2**32 - 1765328360}


def key_step(
    keytab: bytes, principal: str, *, name: str = "", password: str = "", kdcs: Sequence[str] = ()
) -> Step:
    """Test whether the keytab decrypts tickets for the principal.

    :param name: the principal that gets the ticket with its password. If blank, the service gets it
        with the key of the keytab.
    :param kdcs: IP addresses of KDCs, in addition to those that the host knows.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings, file = Path(folder, "krb5.conf"), Path(folder, "keytab")
        settings.write_text(LIBDEFAULTS + _realm(principal.rpartition("@")[2], kdcs))
        file.write_bytes(keytab)
        asked = {
            "service": principal,
            "keytab": str(file),
            "name": name or principal,
            "password": password,
            "settings": str(settings),
        }
        # libkrb5 can be given settings and a time limit only in a process of its own.
        try:
            answer = subprocess.run(  # noqa: S603  our own program
                [sys.executable, str(PROGRAM)],
                input=json.dumps(asked),
                text=True,
                capture_output=True,
                check=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return not_tested(f"No KDC responded within {SECONDS} seconds.")
    return _result(json.loads(answer.stdout), principal, is_service=not name)


def _realm(realm: str, kdcs: Sequence[str]) -> str:
    # Other characters could add any setting to the file.
    if not kdcs or not re.fullmatch(r"[A-Za-z0-9.-]+", realm):
        return ""
    addresses = [f"[{one}]" if ":" in one else one for one in kdcs]
    lines = "".join(f"  kdc = {one}:88\n" for one in addresses)
    return f"[realms]\n {realm} = {{\n{lines} }}\n"


def _result(answer: dict[str, Any], principal: str, *, is_service: bool) -> Step:
    step, message = answer["failed"], answer["message"]
    service = principal.rpartition("@")[0]
    is_key_wrong = is_service and step == "credentials" and answer["code"] in WRONG_KEY
    if not step:
        return passed("Key", f"The keytab decrypts the KDC's tickets for {service}.")
    if step == "key" or is_key_wrong:
        return failed(
            "Key",
            f"The keytab does not decrypt the KDC's tickets for {service}. Its key is of another "
            f"password, account or encryption type. Create the keytab again. ({message})",
        )
    if step == "ticket":
        return failed("Key", f"The KDC issues no ticket for {service}: {message}.")
    return not_tested(f"{message}.")


def not_tested(reason: str) -> Step:
    return passed("Key", f"Not tested. {reason} The first sign-in shows whether the key is right.")
