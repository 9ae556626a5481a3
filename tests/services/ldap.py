"""A directory for tests: OpenLDAP's slapd, with a small company in it."""

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.services.postgres_redis_smtp import Service, free_port, program

SBIN = "/usr/sbin"
BASE = "dc=acme,dc=test"
SERVICE, SERVICE_PASSWORD = f"cn=svc,{BASE}", "svc-password"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{BASE}", "admin-password"
SCHEMAS = ("core", "cosine", "inetorgperson", "nis")

# Some of what Active Directory and 389 Directory Server say about an account.
WINDOWS_SCHEMA = (
    "attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl'"
    " EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
    "attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID'"
    " EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )",
    "attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch"
    " SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )",
    "attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock'"
    " EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )",
    "attributetype ( 2.16.840.1.113719.1.301.4.37.1 NAME 'krbPrincipalExpiration'"
    " EQUALITY generalizedTimeMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )",
    "objectclass ( 1.3.6.1.4.1.4203.666.1 NAME 'windowsAccount' AUXILIARY"
    " MAY ( userAccountControl $ objectGUID $ sAMAccountName $ nsAccountLock"
    " $ krbPrincipalExpiration ) )",
)


class Slapd(Service):
    """Its people and groups are entries of `add`; names are uids, passwords "pw-" and the uid."""

    def __init__(
        self, *, trusts_empty_passwords: bool = False, more_entries: Iterable[str] = ()
    ) -> None:
        super().__init__()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.ldaps_uri = f"ldaps://127.0.0.1:{free_port()}"
        self.certificate, key = certificate(self.folder, "127.0.0.1")
        (self.folder / "db").mkdir()
        lines = [
            *(f"include /etc/ldap/schema/{name}.schema" for name in SCHEMAS),
            *WINDOWS_SCHEMA,
            f"pidfile {self.folder}/pid",
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            "moduleload memberof",
            "moduleload ppolicy",
            "moduleload retcode",
            # As Active Directory does: a DN with an empty password binds as nobody.
            *(["allow bind_anon_cred bind_anon_dn"] if trusts_empty_passwords else []),
            f"TLSCertificateFile {self.certificate}",
            f"TLSCertificateKeyFile {key}",
            f"TLSCACertificateFile {self.certificate}",
            "loglevel stats",
            "database mdb",
            "maxsize 1073741824",
            f'suffix "{BASE}"',
            f'rootdn "{ADMIN}"',
            f"rootpw {ADMIN_PASSWORD}",
            f"directory {self.folder}/db",
            "index objectClass,entryUUID,member eq",
            "index uid,mail,cn,sn,givenName eq,sub",
            "access to attrs=userPassword by self write by anonymous auth by * none",
            "access to * by * read",
            "overlay memberof",
            # Entries may name the error that they answer a bind with.
            "overlay retcode",
            f'retcode-parent "cn=errors,{BASE}"',
            "retcode-indir",
        ]
        self.settings = self.folder / "slapd.conf"
        self.settings.write_text("\n".join(lines) + "\n")
        self.load([*company(), *more_entries])
        self.start()

    def start(self) -> None:
        uris = f"{self.uri}/ {self.ldaps_uri}/"
        self.run(program("slapd", folders=SBIN), "-f", str(self.settings), "-h", uris, "-d", "256")

    def start_with(self, *settings: str) -> None:
        """Start it again, with more settings of its database."""
        self.process.terminate()
        self.process.wait(10)
        with self.settings.open("a") as file:
            file.writelines(f"{line}\n" for line in settings)
        self.start()

    def load(self, entries: Iterable[str]) -> None:
        """Put entries in while it does not run; fast, also for many."""
        file = self.folder / "entries.ldif"
        with file.open("w") as ldif:
            ldif.writelines(f"{entry}\n" for entry in entries)
        slapadd = (program("slapadd", folders=SBIN), "-q", "-f", str(self.settings))
        subprocess.run([*slapadd, "-l", str(file)], check=True, capture_output=True)

    def add(self, *entries: str) -> None:
        self._client("ldapadd", "\n".join(entries))

    def modify(self, *changes: str) -> None:
        self._client("ldapmodify", "\n".join(changes))

    def delete(self, *dns: str) -> None:
        self._client("ldapdelete", "".join(f"{dn}\n" for dn in dns))

    def binds(self) -> int:
        """Return how many binds it has seen."""
        return self.log.read_text(errors="replace").count(" BIND dn=")

    def _client(self, name: str, text: str) -> None:
        who = ("-x", "-H", self.uri, "-D", ADMIN, "-w", ADMIN_PASSWORD)
        subprocess.run(
            [program(name), *who], input=text, text=True, check=True, capture_output=True
        )

    def document(self, **values: Any) -> dict[str, Any]:
        """Return what `add_identity_provider` reads about it."""
        return {
            "kind": "ldap",
            "name": "Corp",
            "uri": self.uri,
            "bind_dn": SERVICE,
            "bind_password": SERVICE_PASSWORD,
            "base_dn": BASE,
        } | values


def company() -> list[str]:
    return [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Acme\n",
        f"dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
        f"userPassword: {SERVICE_PASSWORD}\n",
        f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\n",
        f"dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\n",
        person("ada", "Ada", "Lovelace"),
        person("bob", "Bob", "Builder"),
        group("staff", "ada", "bob"),
    ]


def dn_of(uid: str) -> str:
    return f"uid={uid},ou=people,{BASE}"


def group_dn(name: str) -> str:
    return f"cn={name},ou=groups,{BASE}"


def person(uid: str, given: str = "", family: str = "", *more: str) -> str:
    lines = [
        f"dn: {dn_of(uid)}",
        "objectClass: inetOrgPerson",
        f"uid: {uid}",
        f"cn: {given or uid.title()} {family or 'Person'}",
        f"givenName: {given or uid.title()}",
        f"sn: {family or 'Person'}",
        f"mail: {uid}@acme.test",
        f"userPassword: pw-{uid}",
        *more,
    ]
    return "\n".join(lines) + "\n"


def windows(*more: str) -> tuple[str, ...]:
    """Make more lines of a person, as Active Directory has them."""
    return ("objectClass: windowsAccount", *more)


def refusing(text: str) -> tuple[str, ...]:
    """Make more lines of a person whose password is refused with a text."""
    return ("objectClass: errAuxObject", "errCode: 49", "errOp: bind", f"errText: {text}")


def group(name: str, *members: str) -> str:
    """Make a group of people by uid, or of whatever is a DN."""
    dns = [member if "=" in member else dn_of(member) for member in members]
    lines = [f"dn: {group_dn(name)}", "objectClass: groupOfNames", f"cn: {name}"]
    return "\n".join([*lines, *(f"member: {dn}" for dn in dns)]) + "\n"


def certificate(folder: Path, host: str, *, days: int = 1) -> tuple[Path, Path]:
    """Make a certificate that vouches for itself, and its key; expired if the days are over."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    until = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([_as_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate_file, key_file


def _as_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
