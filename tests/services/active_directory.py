"""A real Active Directory for tests: Samba's domain controller for CORP.EXAMPLE.COM.

It runs in user, mount, network and PID namespaces of its own, where it is root and the ports 88 and
636 are free. socat connects these ports with 127.0.0.1 through UNIX sockets in its folder. Samba
writes absolute paths into its files, so inside of the namespaces the folder is always `/mnt`: a
domain that was provisioned once is copied, and starts from any folder.
"""

import base64
import os
import shlex
import shutil
import signal
import struct
import subprocess
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import ldap

from ramp.processes import end_with_parent
from tests.services.ldap import certificate
from tests.services.postgres_redis_smtp import Service, alone, free_port, program

REALM: Final = "CORP.EXAMPLE.COM"
BASE: Final = "DC=corp,DC=example,DC=com"
PASSWORD: Final = "Str0ng-Pass!26"
ADMIN, ADMIN_PASSWORD = f"Administrator@{REALM}", "Adm1n-Pass!2026"
SERVICE, SERVICE_PASSWORD = f"CN=ramp-svc,OU=Services,{BASE}", "Svc-Pass!2026"
LOCKOUT_THRESHOLD: Final = 5
HALF_AN_HOUR: Final = str(-30 * 60 * 10**7)
USERS: Final = "(&(objectCategory=person)(sAMAccountName={0})(!(employeeType=external)))"
# The ports of Kerberos and of LDAP over TLS.
PORTS: Final = (88, 636)

# The rights of the file share need several user ids, and nobody uses that share.
PROVISION: Final = """
import sys
import samba.provision
samba.provision.setsysvolacl = lambda *args, **kwargs: None
from samba.netcmd.main import cmd_sambatool
sys.exit(cmd_sambatool()._run("samba-tool", "domain", "provision", *sys.argv[1:]))
"""
# The Python for which Debian has the libraries of Samba.
SYSTEM_PYTHON: Final = "/usr/bin/python3"
# Changes a value in a file of the database.
FORCE: Final = """
import ldb, sys
file, dn, name, value = sys.argv[1:]
database = ldb.Ldb(file)
change = ldb.Message(ldb.Dn(database, dn))
change[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
database.modify(change)
"""
PROVISIONING: Final = [
    f"--realm={REALM}",
    *("--domain=CORP", "--server-role=dc", "--dns-backend=NONE", "--host-name=dc1"),
    *("--host-ip=127.0.0.1", "--targetdir=/mnt", f"--adminpass={ADMIN_PASSWORD}"),
    *("--option=interfaces=lo", "--option=bind interfaces only=yes"),
    "--option=server services=ldap, cldap, kdc, winbindd",
    *("--option=tls keyfile=/mnt/key.pem", "--option=tls certfile=/mnt/certificate.pem"),
    *("--option=tls cafile=", "--option=pid directory=/mnt/run"),
    *("--option=ncalrpc dir=/mnt/run/ncalrpc", "--option=log file=/mnt/log.%m"),
    "--option=winbindd socket directory=/mnt/run/winbindd",
    "--option=ntp signd socket directory=/mnt/run/ntp_signd",
]
NAMESPACES: Final = [
    *("unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork"),
    *("--mount-proc", "--kill-child", "bash", "-euc"),
]


class ActiveDirectory(Service):
    """Its people are entries of `add_person`, in the OU Staff; groups are in the OU Groups."""

    # It ends `unshare`, with which the PID namespace ends at once.
    end_signal = signal.SIGKILL

    def __init__(self, kept: Path) -> None:
        """Start it from the domain that is kept in a folder; provision that one if need be."""
        super().__init__()
        self.domain = self.folder / "domain"
        shutil.copytree(_provisioned(kept), self.domain, copy_function=shutil.copy)
        self.certificate, key = certificate(self.domain, "127.0.0.1")
        key.chmod(0o600)
        self.uri = f"ldaps://127.0.0.1:{self.port}"
        self.kerberos_port = free_port()
        self.forwarders = [self.forward(88, self.kerberos_port), self.forward(636, self.port)]
        inside = "".join(
            f"socat UNIX-LISTEN:/mnt/port.{port},fork TCP:127.0.0.1:{port} &\n" for port in PORTS
        )
        samba = "exec samba --configfile=/mnt/etc/smb.conf --interactive --model=single"
        self.run(*NAMESPACES, f"{_entering(self.domain)}ip link set lo up\n{inside}{samba}")
        self._furnish()

    def is_ready(self) -> bool:
        try:
            self.value(BASE, "objectSid")
        except ldap.LDAPError:
            return False
        return True

    def stop(self) -> None:
        super().stop()
        for forwarder in self.forwarders:
            forwarder.kill()
            forwarder.wait()

    @cached_property
    def administrator(self) -> Any:
        """Return a connection of the domain's administrator."""
        return self._bound(ADMIN, ADMIN_PASSWORD)

    def add_person(
        self, name: str, given: str = "", family: str = "", *, ou: str = "Staff", **values: Any
    ) -> str:
        """Make an account, with PASSWORD unless told otherwise; return its DN."""
        given, family = given or name.title(), family or "Person"
        usual = {
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{REALM.lower()}",
            "givenName": given,
            "sn": family,
            "displayName": f"{given} {family}",
            "mail": f"{name}@example.com",
            "userAccountControl": "512",
            "unicodePwd": _as_password(PASSWORD),
        }
        dn = f"CN={name},OU={ou},{BASE}"
        self.add(dn, **usual | values)
        return dn

    def add_group(self, name: str, *members: str, ou: str = "Groups", **values: str) -> str:
        """Make a security group of entries by DN; return its own."""
        dn = f"CN={name},OU={ou},{BASE}"
        usual = {"objectClass": "group", "sAMAccountName": name, "groupType": "-2147483646"}
        self.add(dn, **usual | values, **({"member": list(members)} if members else {}))
        return dn

    def add(self, dn: str, **values: str | bytes | list[str]) -> None:
        self.administrator.add_s(dn, [(name, _encoded(value)) for name, value in values.items()])

    def change(self, dn: str, **values: str | bytes | list[str]) -> None:
        """Replace attributes; a blank text removes one."""
        changes = [
            (ldap.MOD_REPLACE, name, _encoded(value) if value else None)
            for name, value in values.items()
        ]
        self.administrator.modify_s(dn, changes)

    def force(self, dn: str, name: str, value: str) -> None:
        """Replace an attribute although Samba would refuse the value as that of another account.

        Domains of Windows have such accounts: older servers check nothing, and two servers may each
        accept one before they replicate (MS-ADTS 3.1.1.5.1.3).
        """
        file = self.domain / f"private/sam.ldb.d/{BASE.upper()}.ldb"
        command = [SYSTEM_PYTHON, "-c", FORCE, str(file), dn, name, value]
        subprocess.run(command, check=True, capture_output=True)

    def move(self, dn: str, name: str, ou: str = "Staff") -> str:
        """Rename the entry and put it into the OU; return its new DN."""
        self.administrator.rename_s(dn, f"CN={name}", f"OU={ou},{BASE}")
        return f"CN={name},OU={ou},{BASE}"

    def hide(self, dn: str) -> None:
        """Let only the domain's administrators read the entry (MS-DTYP 2.4.6)."""
        domain = self.value(BASE, "objectSid")
        admins = bytes([1, domain[1] + 1]) + domain[2:] + (512).to_bytes(4, "little")
        entry = struct.pack("<BBHI", 0, 0, 8 + len(admins), 0xF01FF) + admins
        allowed = struct.pack("<BBHHH", 4, 0, 8 + len(entry), 1, 0) + entry
        head = struct.pack("<BBHIIII", 1, 0, 0x9004, 20, 20, 0, 20 + len(admins))
        self.change(dn, nTSecurityDescriptor=head + admins + allowed)

    def delete(self, dn: str) -> None:
        self.administrator.delete_s(dn)

    def value(self, dn: str, name: str) -> bytes:
        """Return one value of an attribute; nothing if there is none."""
        [(_, said)] = self.administrator.search_s(dn, ldap.SCOPE_BASE, attrlist=[name])
        value: bytes = said.get(name, [b""])[0]
        return value

    def guid(self, dn: str) -> str:
        return str(UUID(bytes_le=self.value(dn, "objectGUID")))

    def binds(self, dn: str, password: str = PASSWORD) -> bool:
        """Tell whether the password opens the account, as any other client would find out."""
        try:
            self._bound(dn, password).unbind_s()
        except ldap.INVALID_CREDENTIALS:
            return False
        return True

    def document(self, **values: Any) -> dict[str, Any]:
        """Return what `add_identity_provider` reads about its LDAP side."""
        return {
            "kind": "ldap",
            "name": "AD",
            "uri": self.uri,
            "bind_dn": SERVICE,
            "bind_password": SERVICE_PASSWORD,
            "base_dn": f"OU=Staff,{BASE}",
            "user_filter": USERS,
        } | values

    def windows_document(self, **values: Any) -> dict[str, Any]:
        """Return what `add_identity_provider` reads about its Kerberos side."""
        return {
            "kind": "windows",
            "name": "Windows",
            "keytab": base64.b64encode(self.keytab).decode(),
            "realms": [REALM],
            "directory": "AD",
        } | values

    @property
    def kerberos_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "KRB5_CONFIG": str(self.folder / "krb5.conf")}

    def ticket(self, name: str, password: str = PASSWORD) -> dict[str, str]:
        """Get somebody's ticket; return the environment in which programs are them."""
        environment = self.kerberos_environment | {"KRB5CCNAME": f"FILE:{self.folder}/cc-{name}"}
        subprocess.run(
            [program("kinit"), f"{name}@{REALM}"],
            input=f"{password}\n".encode(),
            env=environment,
            check=True,
            capture_output=True,
        )
        return environment

    @cached_property
    def keytab(self) -> bytes:
        """Return the keys of HTTP/localhost."""
        return self.keytab_of("HTTP/localhost", self.key_version)

    @property
    def key_version(self) -> int:
        return int(self.value(f"CN=http-svc,OU=Services,{BASE}", "msDS-KeyVersionNumber"))

    def keytab_of(
        self, service: str, version: int, realm: str = REALM, password: str = PASSWORD
    ) -> bytes:
        """Return a keytab with the key of http-svc, in the name of a service."""
        file = self.folder / "http.keytab"
        file.unlink(missing_ok=True)
        how = f"-k {version} -e aes256-cts-hmac-sha1-96 -s {REALM}http-svc"
        lines = f"addent -password -p {service}@{realm} {how}\n{password}\nwkt {file}\nquit\n"
        environment = self.kerberos_environment
        subprocess.run(
            [program("ktutil")],
            input=lines.encode(),
            env=environment,
            check=True,
            capture_output=True,
        )
        return file.read_bytes()

    def _bound(self, name: str, password: str) -> Any:
        connection = ldap.initialize(self.uri)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 5)
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(self.certificate))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.simple_bind_s(name, password)
        return connection

    def forward(self, port: int, outside: int) -> subprocess.Popen[bytes]:
        """Lead a port of 127.0.0.1 to one of the domain controller until the process ends."""
        listen = f"TCP-LISTEN:{outside},bind=127.0.0.1,reuseaddr,fork"
        return subprocess.Popen(
            [program("socat"), listen, f"UNIX-CONNECT:{self.domain}/port.{port}"],
            stderr=subprocess.DEVNULL,
            preexec_fn=partial(end_with_parent, os.getpid()),
        )

    def _furnish(self) -> None:
        (self.folder / "krb5.conf").write_text(_krb5_config(self.kerberos_port))
        policy = {"lockoutDuration": HALF_AN_HOUR, "lockOutObservationWindow": HALF_AN_HOUR}
        self.change(BASE, lockoutThreshold=str(LOCKOUT_THRESHOLD), **policy)
        for name in ("Staff", "Elsewhere", "Groups", "Services"):
            self.add(f"OU={name},{BASE}", objectClass="organizationalUnit")
        self.add_person("ramp-svc", ou="Services", unicodePwd=_as_password(SERVICE_PASSWORD))
        # Where nobody is left below the base DN, an answer is not believed.
        self.add_person("colleague")
        service = {"servicePrincipalName": "HTTP/localhost", "msDS-SupportedEncryptionTypes": "24"}
        self.add_person("http-svc", ou="Services", **service)


def windows_time(moment: datetime) -> str:
    """Return the moment as Active Directory counts: in 100 ns since 1601."""
    return str(int((moment.timestamp() + 11_644_473_600) * 10**7))


def _provisioned(kept: Path) -> Path:
    """Return the folder of a domain that nobody has changed since it was provisioned."""
    version = subprocess.run(
        [program("samba", folders="/usr/sbin"), "--version"], check=True, capture_output=True
    ).stdout
    text = "\0".join([version.decode(), PROVISION, *PROVISIONING, *NAMESPACES])
    folder = kept / sha256(text.encode()).hexdigest()[:16]
    with alone(folder):
        if not folder.exists():
            _provision(folder)
    return folder


def _provision(folder: Path) -> None:
    begun = folder.with_suffix(".begun")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    command = shlex.join([SYSTEM_PYTHON, "-c", PROVISION, *PROVISIONING])
    script = (
        f"{_entering(begun)}{command}\n"
        "mkdir --parents /mnt/run/ncalrpc\nmkdir --mode=700 /mnt/run/ncalrpc/np\n"
    )
    done = subprocess.run([*NAMESPACES, script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"samba-tool domain provision failed:\n{done.stderr[-4000:]}")
    begun.rename(folder)


def _entering(folder: Path) -> str:
    return f"mount --bind {shlex.quote(str(folder))} /mnt\n"


def _as_password(text: str) -> bytes:
    return f'"{text}"'.encode("utf-16-le")


def _encoded(value: str | bytes | Iterable[str]) -> list[bytes]:
    if isinstance(value, bytes):
        return [value]
    return [one.encode() for one in ([value] if isinstance(value, str) else value)]


def _krb5_config(port: int) -> str:
    return f"""[libdefaults]
 default_realm = {REALM}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 0
[realms]
 {REALM} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {REALM}
"""
