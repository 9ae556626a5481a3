"""The complex attributes of a User and a Group, and the simple ones that the code refers to.

`resource_types` contains the schemas with all attributes. The characteristics are those of
RFC 7643 section 8.7.1 with these differences: `manager.$ref` is read-only, because Ramp writes it.
`members.display` is read-only and never returned, because Ramp does not update the names; it is
declared because Canaille's client needs that to push a group. A Group requires a `displayName`, as
section 4.2 demands.
"""

from collections.abc import Sequence

from scim.rfc.schema import Attribute, Mutability


def _type(*canonical: str, mutability: Mutability = "readWrite") -> Attribute:
    return Attribute(
        name="type",
        description="What the value is for, such as “work”.",
        canonical_values=canonical,
        longest=100,
        mutability=mutability,
    )


def _values(name: str, description: str, value: Attribute, *types: str) -> Attribute:
    """Return a multi-valued attribute with the default sub-attributes (RFC 7643 section 2.4)."""
    display = Attribute(name="display", description="A human-readable name of the value.")
    return Attribute(
        name=name,
        description=description,
        kind="complex",
        multiple=True,
        parts=[value, display, _type(*types), PRIMARY],
        is_used=value.is_used,
    )


def _value(description: str, longest: int = 1024, *, is_used: bool = False) -> Attribute:
    return Attribute(name="value", description=description, longest=longest, is_used=is_used)


def _complex(name: str, description: str, parts: Sequence[Attribute]) -> Attribute:
    """Return a complex attribute that Ramp uses. `is_used` of each part tells which parts."""
    return Attribute(name=name, description=description, kind="complex", parts=parts, is_used=True)


PRIMARY = Attribute(
    name="primary", description="Whether this is the preferred value.", kind="boolean"
)

ID = Attribute(
    name="id",
    description="Ramp's identifier of the resource.",
    case_exact=True,
    mutability="readOnly",
    returned="always",
    uniqueness="server",
)
EXTERNAL_ID = Attribute(
    name="externalId",
    description="The provider's identifier of the resource; opaque to Ramp.",
    case_exact=True,
    longest=255,
)
SCHEMAS = Attribute(
    name="schemas",
    description="The schemas of the resource.",
    kind="reference",
    multiple=True,
    returned="always",
    mutability="readOnly",
)
USER_NAME = Attribute(
    name="userName",
    description="The name by which the provider knows the person, often an address.",
    required=True,
    uniqueness="server",
    longest=255,
    is_used=True,
)
NAME = _complex(
    "name",
    "The parts of the person's name.",
    [
        Attribute(
            name="formatted", description="The full name, formatted for display.", longest=1024
        ),
        Attribute(name="familyName", description="The last name.", is_used=True),
        Attribute(name="givenName", description="The first name.", is_used=True),
        Attribute(name="middleName", description="The middle names."),
        Attribute(name="honorificPrefix", description="Such as “Dr.”."),
        Attribute(name="honorificSuffix", description="Such as “Jr.”."),
    ],
)
ACTIVE = Attribute(
    name="active",
    description="Whether the person may use the product.",
    kind="boolean",
    is_used=True,
)
EMAIL = _value("An email address; Ramp uses the primary one.", 254, is_used=True)
EMAILS = _values("emails", "Email addresses.", EMAIL, "work", "home", "other")
PHONE_NUMBERS = _values(
    "phoneNumbers",
    "Telephone numbers.",
    _value("A number."),
    *("work", "home", "mobile", "fax", "pager", "other"),
)
IMS = _values(
    "ims",
    "Addresses for instant messages.",
    _value("An address."),
    *("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
)
PHOTOS = _values(
    "photos",
    "Addresses of pictures.",
    Attribute(
        name="value",
        description="The address of a picture.",
        kind="reference",
        case_exact=True,
        reference_types=["external"],
        longest=20_000,
    ),
    *("photo", "thumbnail"),
)
ADDRESSES = Attribute(
    name="addresses",
    description="Postal addresses.",
    kind="complex",
    multiple=True,
    is_used=True,
    parts=[
        Attribute(
            name="formatted", description="The full address, formatted for display.", longest=1024
        ),
        Attribute(name="streetAddress", description="Street, number, box.", longest=1024),
        Attribute(
            name="locality",
            description="The city; Ramp uses the one of the work address as the location.",
            is_used=True,
        ),
        Attribute(name="region", description="The state or region."),
        Attribute(name="postalCode", description="The postal code."),
        Attribute(name="country", description="The country."),
        _type("work", "home", "other"),
        PRIMARY,
    ],
)
GROUPS = Attribute(
    name="groups",
    description="The groups the person is a member of.",
    kind="complex",
    multiple=True,
    mutability="readOnly",
    parts=[
        Attribute(
            name="value",
            description="The id of the group.",
            case_exact=True,
            mutability="readOnly",
        ),
        Attribute(
            name="$ref",
            description="The address of the group.",
            kind="reference",
            reference_types=["Group"],
            mutability="readOnly",
        ),
        Attribute(name="display", description="Its name.", mutability="readOnly"),
        _type("direct", "indirect", mutability="readOnly"),
    ],
)
ENTITLEMENTS = _values("entitlements", "The person's entitlements.", _value("An entitlement."))
ROLES = _values(
    "roles",
    "Roles; Ramp reads the one of type “rampUserRole”.",
    _value("A role.", is_used=True),
)
CERTIFICATES = _values(
    "x509Certificates",
    "The person's certificates.",
    Attribute(
        name="value",
        description="A certificate, DER in base64.",
        kind="binary",
        case_exact=True,
        longest=100_000,
    ),
)


MANAGER = _complex(
    "manager",
    "The person's manager.",
    [
        Attribute(
            name="value",
            description="The manager's id; in writes also their email, userName or externalId.",
            case_exact=True,
            longest=255,
            is_used=True,
        ),
        Attribute(
            name="$ref",
            description="The URL of the manager, if the manager is in Ramp.",
            kind="reference",
            reference_types=["User"],
            mutability="readOnly",
        ),
        Attribute(
            name="displayName",
            description="The manager's name.",
            mutability="readOnly",
            is_published=False,
        ),
    ],
)
MEMBERS = Attribute(
    name="members",
    description="The people in the group.",
    kind="complex",
    multiple=True,
    is_used=True,
    parts=[
        Attribute(
            name="value",
            description="The id of a User or Group.",
            case_exact=True,
            mutability="immutable",
        ),
        Attribute(
            name="$ref",
            description="The address of that User or Group.",
            kind="reference",
            reference_types=["User", "Group"],
            mutability="immutable",
        ),
        _type("User", "Group", mutability="immutable"),
        Attribute(name="display", description="The member's name.", mutability="readOnly"),
    ],
)
GROUP_NAME = Attribute(name="displayName", description="The name.", required=True, is_used=True)
