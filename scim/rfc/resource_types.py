"""The schemas and resource types of Ramp: User and Group (RFC 7643 sections 4, 6 and 8.7.1)."""

from scim.rfc.attributes import (
    ACTIVE,
    ADDRESSES,
    CERTIFICATES,
    EMAILS,
    ENTITLEMENTS,
    EXTERNAL_ID,
    GROUP_NAME,
    GROUPS,
    ID,
    IMS,
    MANAGER,
    MEMBERS,
    NAME,
    PHONE_NUMBERS,
    PHOTOS,
    ROLES,
    SCHEMAS,
    USER_NAME,
)
from scim.rfc.schema import Attribute, ResourceType, Schema

META = Attribute(
    name="meta",
    description="Metadata of the resource.",
    kind="complex",
    mutability="readOnly",
    parts=[
        Attribute(name="resourceType", description="User or Group.", case_exact=True),
        Attribute(name="created", description="When it was created.", kind="dateTime"),
        Attribute(name="lastModified", description="When it last changed.", kind="dateTime"),
        Attribute(name="location", description="Its address.", kind="reference"),
        Attribute(name="version", description="Its ETag.", case_exact=True),
    ],
)
COMMON = [SCHEMAS, ID, EXTERNAL_ID, META]

PASSWORD = Attribute(
    name="password",
    description="Accepted but not stored: people sign in at the provider.",
    case_exact=True,
    mutability="writeOnly",
    returned="never",
)


def _text(
    name: str, description: str, *, is_published: bool = True, is_used: bool = False
) -> Attribute:
    return Attribute(name=name, description=description, is_published=is_published, is_used=is_used)


USER_SCHEMA = Schema(
    urn="urn:ietf:params:scim:schemas:core:2.0:User",
    name="User",
    description="A person, as the identity provider describes them.",
    aliases=("urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0:user"),
    attributes=[
        USER_NAME,
        NAME,
        Attribute(name="displayName", description="The name to show."),
        Attribute(name="nickName", description="The nickname."),
        Attribute(
            name="profileUrl",
            description="The URL of a page about the person.",
            kind="reference",
            reference_types=["external"],
            case_exact=True,
            longest=2048,
        ),
        _text("title", "The job title."),
        _text("userType", "Such as “Employee” or “Contractor”."),
        _text("preferredLanguage", "The preferred language, as in Accept-Language."),
        _text("locale", "The locale for dates and numbers, such as “en-US”."),
        _text("timezone", "The time zone in IANA format, such as “Europe/Berlin”."),
        ACTIVE,
        PASSWORD,
        EMAILS,
        PHONE_NUMBERS,
        IMS,
        PHOTOS,
        ADDRESSES,
        GROUPS,
        ENTITLEMENTS,
        ROLES,
        CERTIFICATES,
        # These are not in the RFC, but administrators map attributes to them. They are stored
        # where they were sent. If a provider read them in another place, it would send them
        # again in every cycle.
        _text("department", "The department.", is_published=False, is_used=True),
        _text("location", "The location.", is_published=False, is_used=True),
        _text("city", "The location.", is_published=False, is_used=True),
    ],
)
ENTERPRISE = Schema(
    urn="urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name="EnterpriseUser",
    description="Enterprise attributes of the person.",
    # The URNs of SCIM 1.1, which the published templates of OneLogin and HelloID still send, and
    # a shortened URN that some clients send.
    aliases=(
        "urn:scim:schemas:extension:enterprise:1.0",
        "urn:scim:schemas:extension:enterprise:2.0:user",
        "urn:ietf:params:scim:schemas:extension:enterprise:1.0:user",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0",
    ),
    attributes=[
        _text("employeeNumber", "The employee number."),
        _text("costCenter", "The cost center."),
        _text("organization", "The organization."),
        _text("division", "The division."),
        _text("department", "The department.", is_used=True),
        MANAGER,
    ],
)
RAMP = Schema(
    urn="urn:ietf:params:scim:schemas:extension:ramp:2.0:User",
    name="RampUser",
    description="The location, and the custom fields that the administrator maps.",
    attributes=[_text("location", "The name of the person's work location.", is_used=True)],
    is_open=True,
)
GROUP_SCHEMA = Schema(
    urn="urn:ietf:params:scim:schemas:core:2.0:Group",
    name="Group",
    description="A group, as the identity provider describes it.",
    aliases=("urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0:group"),
    attributes=[GROUP_NAME, MEMBERS],
)

USER = ResourceType(
    name="User",
    endpoint="/Users",
    description="People assigned to Ramp in the identity provider.",
    core=USER_SCHEMA,
    common=COMMON,
    extensions=[ENTERPRISE, RAMP],
    misplaced_names={"manager": (ENTERPRISE, MANAGER)},
)
GROUP = ResourceType(
    name="Group",
    endpoint="/Groups",
    description="Groups of the identity provider.",
    core=GROUP_SCHEMA,
    common=COMMON,
    most_operations=20_000,
)
RESOURCE_TYPES = (USER, GROUP)
