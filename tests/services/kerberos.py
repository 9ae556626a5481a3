"""Kerberos for tests: MIT's KDC with two realms that trust each other, and who asks it."""

import base64
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.services.postgres_redis_smtp import Service, program

SBIN: Final = "/usr/sbin"
REALM, OTHER_REALM = "ACME.TEST", "EVIL.TEST"


class Kdc(Service):
    """Knows ada and bob of ACME.TEST and ada of EVIL.TEST; passwords are "pw-" and the name."""

    def __init__(self) -> None:
        super().__init__()
        self.config = self.folder / "krb5.conf"
        self.config.write_text(_config(self.port))
        self.profile = self.folder / "kdc.conf"
        self.profile.write_text(_profile(self.folder, self.port))
        self.environment = {
            "PATH": os.environ["PATH"],
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(self.profile),
        }
        self._fill(
            REALM,
            *("addprinc -pw pw-ada ada", "addprinc -pw pw-bob bob"),
            *("addprinc -randkey HTTP/localhost", "addprinc -randkey HTTP/other.example"),
            "addprinc -randkey host/localhost",
            f"ktadd -norandkey -k {self.folder}/http.keytab HTTP/localhost",
            f"ktadd -norandkey -k {self.folder}/mixed.keytab HTTP/localhost host/localhost",
        )
        self._fill(OTHER_REALM, "addprinc -pw pw-ada ada")
        for realm in (REALM, OTHER_REALM):
            self._kadmin(realm, f"addprinc -pw trusted krbtgt/{REALM}@{OTHER_REALM}")
        kdc = program("krb5kdc", folders=SBIN)
        self.run(kdc, "-n", "-r", REALM, "-r", OTHER_REALM, env=self.environment)

    def keytab(self, name: str = "http") -> str:
        """Return the keytab as `add_identity_provider` reads it."""
        return base64.b64encode((self.folder / f"{name}.keytab").read_bytes()).decode()

    def keytab_of(self, principal: str, password: str, version: int = 1) -> str:
        """Return a keytab with the key of a password that the principal may not have."""
        file = self.folder / "other.keytab"
        file.unlink(missing_ok=True)
        how = f"-k {version} -e aes256-cts-hmac-sha1-96 -s salt"
        lines = f"addent -password -p {principal} {how}\n{password}\nwkt {file}\nquit\n"
        command = [program("ktutil")]
        subprocess.run(
            command, input=lines.encode(), env=self.environment, check=True, capture_output=True
        )
        return self.keytab("other")

    def ticket(self, name: str, realm: str = REALM) -> dict[str, str]:
        """Get somebody's ticket; return the environment in which programs are them."""
        theirs = self.environment | {"KRB5CCNAME": f"FILE:{self.folder}/cc-{name}-{realm}"}
        subprocess.run(
            [program("kinit"), f"{name}@{realm}"],
            input=f"pw-{name}\n".encode(),
            env=theirs,
            check=True,
            capture_output=True,
        )
        return theirs

    def document(self, **values: Any) -> dict[str, Any]:
        """Return what `add_identity_provider` reads about it."""
        return {
            "kind": "windows",
            "name": "Windows",
            "keytab": self.keytab(),
            "realms": [REALM],
        } | values

    def _fill(self, realm: str, *commands: str) -> None:
        command = [program("kdb5_util", folders=SBIN), "create", "-s", "-r", realm, "-P", "master"]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)
        self._kadmin(realm, *commands)

    def _kadmin(self, realm: str, *commands: str) -> None:
        command = [program("kadmin.local", folders=SBIN), "-r", realm]
        text = "\n".join(commands).encode()
        subprocess.run(command, input=text, env=self.environment, check=True, capture_output=True)


def curl(environment: Mapping[str, str], *arguments: str) -> str:
    """Ask with curl as whose ticket it is."""
    command = [program("curl"), "--silent", "--negotiate", "--user", ":", *arguments]
    asked = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=30)
    return asked.stdout.decode()


def _config(port: int) -> str:
    realms = "".join(f" {realm} = {{\n  kdc = 127.0.0.1:{port}\n }}\n" for realm in _REALMS)
    return f"""[libdefaults]
 default_realm = {REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
{realms}[domain_realm]
 localhost = {REALM}
 other.example = {REALM}
"""


def _profile(folder: Path, port: int) -> str:
    realms = "".join(
        f" {realm} = {{\n  database_name = {folder}/{realm}\n"
        f"  key_stash_file = {folder}/{realm}.stash\n"
        "  supported_enctypes = aes256-cts:normal\n }\n"
        for realm in _REALMS
    )
    return f"""[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realms}"""


_REALMS: Final = (REALM, OTHER_REALM)
