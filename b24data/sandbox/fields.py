"""What fields the sandbox's records have: names, types and titles, as the portal's field descriptions give them.

Sources: b24restdocs, crm-deal-fields.md, crm-lead-fields.md, crm-contact-fields.md, crm-company-fields.md,
crm-activity-fields.md, crm-item-fields.md, tasks-task-get-fields.md, user-fields.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from b24data.sandbox.stages import ENUM_ITEMS

SMART_PROCESS = 1036
ENTITY_TYPES = {
    1: "leads",
    2: "deals",
    3: "contacts",
    4: "companies",
    7: "quotes",
    31: "invoices",
    SMART_PROCESS: "items",
}
MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``name`` is the upper-case one, ``item`` its name in ``crm.item.*`` (None where it has none)."""

    name: str
    type: str
    title: str
    item: str | None = None
    read_only: bool = False
    multiple: bool = False
    status_type: str = ""
    classic: bool = True  # whether crm.<entity>.list knows it

    @property
    def custom(self) -> bool:
        """A user field (``UF_...``)."""
        return self.name.startswith("UF_")

    @property
    def kind(self) -> str:
        """How a filter compares its values, where they are kept as codes (:mod:`b24data.sandbox.values`)."""
        if self.type in ("boolean", "char"):
            # crm-item-list.md: 1 and 0 for user fields; object-fields.md: Y and N for the others.
            return "switch" if self.custom else "flag"
        return _KINDS.get(self.type, "text")

    @property
    def on_request(self) -> bool:
        """Multifields come only when they are named in ``select``, never with ``*``."""
        return self.type == "crm_multifield"

    @property
    def choices(self) -> dict[str, str]:
        """The values of an enumeration, by id."""
        return ENUM_ITEMS if self.type == "enumeration" else {}


@lru_cache
def fields_of(entity: str) -> dict[str, Field]:
    """The fields of an entity by upper-case name, in the order of an answer."""
    found = [_parse(line) for line in _SYSTEM[entity].strip().splitlines()]
    if entity in _CUSTOM_PREFIX:
        found += [
            Field(f"{_CUSTOM_PREFIX[entity]}{suffix}", kind, title, None, multiple=multiple)
            for suffix, kind, multiple, title in _CUSTOM
        ]
    if entity in ("leads", "contacts", "companies"):
        found += [
            Field(name, "crm_multifield", title, None, multiple=True)
            for name, title in zip(MULTIFIELDS, ("Phone", "E-mail", "Website", "Messenger"), strict=True)
        ]
    if entity in ENTITY_TYPES.values():
        found = [_with_item_name(entry) for entry in found]
    return {entry.name: entry for entry in found}


def user_field(entity: str, name: str, kind: str, title: str, *, multiple: bool = False) -> Field:
    """A user field that was not there from the beginning."""
    if not name.startswith("UF_") or name in fields_of(entity):
        raise ValueError(f"{entity}: a new user field has a name of its own that begins with UF_, not {name}")
    made = Field(name, kind, title, multiple=multiple)
    return _with_item_name(made) if entity in ENTITY_TYPES.values() else made


def item_name(name: str) -> str:
    """The name that ``crm.item.*`` gives a field.

    >>> item_name("ASSIGNED_BY_ID"), item_name("UF_CRM_7_1700000001"), item_name("UF_CRM_1700000001")
    ('assignedById', 'ufCrm7_1700000001', 'ufCrm_1700000001')
    """
    if name in _ITEM_NAMES:
        return _ITEM_NAMES[name]
    head, *rest = name.lower().split("_")
    text = head
    for at, part in enumerate(rest):
        after_entity = at == 1 and name.startswith("UF_CRM_") and len(rest) > 2 and part.isdigit()
        text += part.capitalize() if not part[:1].isdigit() or after_entity or head != "uf" else f"_{part}"
    return text


def _parse(line: str) -> Field:
    name, kind, title = (part.strip() for part in line.split("|"))
    read_only, multiple, item_only = "!" in kind, "*" in kind, "^" in kind
    kind, _, status = kind.strip("!*^").partition(":")
    return Field(name, kind, title, read_only=read_only, multiple=multiple, status_type=status, classic=not item_only)


def _with_item_name(entry: Field) -> Field:
    return entry if entry.on_request else replace(entry, item=item_name(entry.name))


_NUMBERS = (
    "integer", "double", "enumeration", "employee", "user", "iblock_element", "iblock_section", "array", "location",
    "crm_company", "crm_contact", "crm_lead", "crm_quote", "crm_category", "crm_entity",
)  # fmt: skip
_KINDS = dict.fromkeys(_NUMBERS, "number") | dict.fromkeys(("date", "datetime"), "moment")

_ITEM_NAMES = {
    "DATE_CREATE": "createdTime",
    "DATE_MODIFY": "updatedTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
    "MOVED_BY_ID": "movedBy",
    "STATUS_ID": "stageId",
    "STATUS_DESCRIPTION": "stageDescription",
    "STATUS_SEMANTIC_ID": "stageSemanticId",
    "COMPANY_TYPE": "typeId",
}

# name | type | title. After a type: `!` read-only, `*` multiple, `^` known to crm.item.* only, `:X` the status list.
_UTM = """
UTM_SOURCE | string | Advertising System
UTM_MEDIUM | string | Traffic Type
UTM_CAMPAIGN | string | Campaign Identifier
UTM_CONTENT | string | Campaign Content
UTM_TERM | string | Campaign Search Term
""".strip()
_ADDRESS = """
ADDRESS | string | Address
ADDRESS_2 | string | Address (Line 2)
ADDRESS_CITY | string | City
ADDRESS_POSTAL_CODE | string | Postal Code
ADDRESS_REGION | string | Region
ADDRESS_PROVINCE | string | Province
ADDRESS_COUNTRY | string | Country
ADDRESS_COUNTRY_CODE | string | Country Code
ADDRESS_LOC_ADDR_ID | integer | Location Address ID
""".strip()
_PEOPLE = """
OPENED | char | Available to All
COMMENTS | string | Comment
ASSIGNED_BY_ID | user | Responsible
CREATED_BY_ID | user! | Created By
MODIFY_BY_ID | user! | Modified By
DATE_CREATE | datetime! | Creation Date
DATE_MODIFY | datetime! | Modification Date
""".strip()
_ORIGIN = f"""
ORIGINATOR_ID | string | External Source
ORIGIN_ID | string | Identifier in External Source
{_UTM}
LAST_ACTIVITY_TIME | datetime! | Last Activity
LAST_ACTIVITY_BY | user! | Last Activity By
""".strip()
_HAS = """
HAS_PHONE | char! | Phone Provided
HAS_EMAIL | char! | Email Provided
HAS_IMOL | char! | Open Line Assigned
""".strip()

_SYSTEM = {
    "deals": f"""
ID | integer! | ID
TITLE | string | Title
TYPE_ID | crm_status:DEAL_TYPE | Type
CATEGORY_ID | crm_category | Sales Funnel
STAGE_ID | crm_status:DEAL_STAGE | Deal Stage
STAGE_SEMANTIC_ID | string! | Stage Group
IS_NEW | char! | New Deal
IS_RECURRING | char | Recurring Deal
IS_RETURN_CUSTOMER | char | Repeat Deal
IS_REPEATED_APPROACH | char | Repeated Approach
PROBABILITY | integer | Probability
CURRENCY_ID | crm_currency | Currency
OPPORTUNITY | double | Amount
IS_MANUAL_OPPORTUNITY | char | Manual Amount
TAX_VALUE | double | Tax Rate
COMPANY_ID | crm_company | Company
CONTACT_ID | crm_contact | Contact
QUOTE_ID | crm_quote! | Estimate
BEGINDATE | date | Start Date
CLOSEDATE | date | Close Date
CLOSED | char | Closed
{_PEOPLE}
MOVED_BY_ID | user! | Moved By
MOVED_TIME | datetime! | Moved At
SOURCE_ID | crm_status:SOURCE | Source
SOURCE_DESCRIPTION | string | Additional Info about Source
LEAD_ID | crm_lead! | Lead
ADDITIONAL_INFO | string | Additional Information
LOCATION_ID | location | Location
{_ORIGIN}
CONTACT_IDS | crm_contact*^ | Contacts
OBSERVERS | user*^ | Observers
""",
    "leads": f"""
ID | integer! | ID
TITLE | string | Lead Title
HONORIFIC | crm_status:HONORIFIC | Salutation
NAME | string | First Name
SECOND_NAME | string | Middle Name
LAST_NAME | string | Last Name
BIRTHDATE | date | Birthdate
COMPANY_TITLE | string | Company Name
SOURCE_ID | crm_status:SOURCE | Source
SOURCE_DESCRIPTION | string | Source Description
STATUS_ID | crm_status:STATUS | Stage
STATUS_DESCRIPTION | string | Stage Description
STATUS_SEMANTIC_ID | string! | Status Semantic
POST | string | Position
{_ADDRESS}
CURRENCY_ID | crm_currency | Currency
OPPORTUNITY | double | Amount
IS_MANUAL_OPPORTUNITY | char | Manual Amount
{_HAS}
{_PEOPLE}
MOVED_BY_ID | user! | Moved By
MOVED_TIME | datetime! | Moved At
COMPANY_ID | crm_company | Company
CONTACT_ID | crm_contact | Contact
IS_RETURN_CUSTOMER | char! | Returning Lead
DATE_CLOSED | datetime! | Closing Date
{_ORIGIN}
""",
    "contacts": f"""
ID | integer! | ID
HONORIFIC | crm_status:HONORIFIC | Salutation
NAME | string | First Name
SECOND_NAME | string | Middle Name
LAST_NAME | string | Last Name
PHOTO | file | Photo
BIRTHDATE | date | Birthdate
TYPE_ID | crm_status:CONTACT_TYPE | Contact Type
SOURCE_ID | crm_status:SOURCE | Source
SOURCE_DESCRIPTION | string | Additional Source Information
POST | string | Position
{_ADDRESS}
EXPORT | char | Participates in Contact Export
{_HAS}
{_PEOPLE}
COMPANY_ID | crm_company | Company
LEAD_ID | crm_lead! | Lead
{_ORIGIN}
""",
    "companies": f"""
ID | integer! | ID
TITLE | string | Company Name
COMPANY_TYPE | crm_status:COMPANY_TYPE | Company Type
LOGO | file | Logo
{_ADDRESS}
BANKING_DETAILS | string | Banking Details
INDUSTRY | crm_status:INDUSTRY | Industry
EMPLOYEES | crm_status:EMPLOYEES | Number of Employees
CURRENCY_ID | crm_currency | Currency
REVENUE | double | Annual Revenue
IS_MY_COMPANY | char | My Company
{_HAS}
{_PEOPLE}
LEAD_ID | crm_lead! | Lead
{_ORIGIN}
""",
    "invoices": """
ID | integer! | ID
TITLE | string | Name
XML_ID | string | External code
ACCOUNT_NUMBER | string | Number
CREATED_TIME | datetime! | Created at
UPDATED_TIME | datetime! | Updated at
CREATED_BY | user! | Created by
UPDATED_BY | user! | Updated by
ASSIGNED_BY_ID | user | Assigned to
OPENED | boolean | Publicly available
BEGINDATE | date | Invoice date
CLOSEDATE | date | Pay before
COMPANY_ID | crm_company | Company
CONTACT_ID | crm_contact | Contact
MYCOMPANY_ID | crm_company | My company
OBSERVERS | user* | Observers
CATEGORY_ID | crm_category | Pipeline
MOVED_TIME | datetime! | Moved at
MOVED_BY | user! | Moved by
STAGE_ID | crm_status:SMART_INVOICE_STAGE_2 | Stage
PREVIOUS_STAGE_ID | crm_status!:SMART_INVOICE_STAGE_2 | Previous stage
SOURCE_ID | crm_status:SOURCE | Source
SOURCE_DESCRIPTION | text | Additional source info
CURRENCY_ID | crm_currency | Currency
IS_MANUAL_OPPORTUNITY | boolean | Amount calculation mode
OPPORTUNITY | double | Amount
TAX_VALUE | double | Tax amount
COMMENTS | text | Comments
PARENT_ID_2 | crm_entity | Deal
LAST_ACTIVITY_BY | user! | Last activity in timeline by
LAST_ACTIVITY_TIME | datetime! | Last activity
""",
    "quotes": """
ID | integer! | ID
TITLE | string | Name
QUOTE_NUMBER | string | Number
CREATED_TIME | datetime! | Created at
UPDATED_TIME | datetime! | Updated at
CREATED_BY | user! | Created by
UPDATED_BY | user! | Updated by
ASSIGNED_BY_ID | user | Assigned to
OPENED | boolean | Publicly available
CLOSED | boolean | Closed
BEGINDATE | date | Start date
CLOSEDATE | date | End date
ACTUAL_DATE | date | Valid until
LEAD_ID | crm_lead | Lead
DEAL_ID | crm_deal | Deal
COMPANY_ID | crm_company | Company
CONTACT_ID | crm_contact | Contact
MYCOMPANY_ID | crm_company | My company
STAGE_ID | crm_status:QUOTE_STATUS | Stage
CURRENCY_ID | crm_currency | Currency
IS_MANUAL_OPPORTUNITY | boolean | Amount calculation mode
OPPORTUNITY | double | Amount
TAX_VALUE | double | Tax amount
COMMENTS | text | Comments
CONTENT | text | Content
TERMS | text | Terms
LAST_ACTIVITY_BY | user! | Last activity in timeline by
LAST_ACTIVITY_TIME | datetime! | Last activity
""",
    "items": f"""
ID | integer! | ID
TITLE | string | Name
XML_ID | string | External code
CREATED_TIME | datetime! | Created at
UPDATED_TIME | datetime! | Updated at
CREATED_BY | user! | Created by
UPDATED_BY | user! | Updated by
ASSIGNED_BY_ID | user | Assigned to
OPENED | boolean | Publicly available
WEBFORM_ID | integer | Created by CRM form
BEGINDATE | date | Start date
CLOSEDATE | date | End date
COMPANY_ID | crm_company | Company
CONTACT_ID | crm_contact | Contact
OBSERVERS | user* | Observers
CATEGORY_ID | crm_category | Pipeline
MOVED_TIME | datetime! | Moved at
MOVED_BY | user! | Moved by
STAGE_ID | crm_status:DYNAMIC_{SMART_PROCESS}_STAGE_11 | Stage
PREVIOUS_STAGE_ID | crm_status!:DYNAMIC_{SMART_PROCESS}_STAGE_11 | Previous stage
SOURCE_ID | crm_status:SOURCE | Source
SOURCE_DESCRIPTION | text | Additional source info
CURRENCY_ID | crm_currency | Currency
IS_MANUAL_OPPORTUNITY | boolean | Amount calculation mode
OPPORTUNITY | double | Amount
TAX_VALUE | double | Tax amount
PARENT_ID_2 | crm_entity | Deal
LAST_ACTIVITY_BY | user! | Last activity in timeline by
LAST_ACTIVITY_TIME | datetime! | Last activity
""",
    "activities": """
ID | integer! | ID
OWNER_ID | integer | Owner ID
OWNER_TYPE_ID | crm_enum_ownertype | Owner Type
TYPE_ID | crm_enum_activitytype | Type
PROVIDER_ID | string | Provider ID
PROVIDER_TYPE_ID | string | Provider Type
SUBJECT | string | Subject
CREATED | datetime! | Creation Date
LAST_UPDATED | datetime! | Last Updated Date
START_TIME | datetime | Start
END_TIME | datetime | End
DEADLINE | datetime | Execution Deadline
COMPLETED | char | Completed
STATUS | crm_enum_activitystatus | Status
RESPONSIBLE_ID | user | Responsible
PRIORITY | crm_enum_activitypriority | Priority
NOTIFY_TYPE | crm_enum_activitynotifytype | Notification Type
DESCRIPTION | string | Description
DESCRIPTION_TYPE | crm_enum_contenttype | Description Type
DIRECTION | crm_enum_activitydirection | Direction
LOCATION | string | Location
SETTINGS | object | Settings
AUTHOR_ID | user! | Created By
EDITOR_ID | user! | Edited By
RESULT_SUM | double | Result Sum
RESULT_CURRENCY_ID | string | Result Currency
BINDINGS | crm_activity_binding* | Bindings
""",
    "tasks": """
ID | integer | ID
PARENT_ID | integer | Base Task ID
TITLE | string | Title
DESCRIPTION | string | Description
MARK | enum | Rating
PRIORITY | enum | Priority
STATUS | enum | Status
GROUP_ID | integer | Project
STAGE_ID | integer | Stage
CREATED_BY | integer | Creator
CREATED_DATE | datetime | Creation Date
RESPONSIBLE_ID | integer | Participant
ACCOMPLICES | array | Participants
AUDITORS | array | Observers
CHANGED_BY | integer | Modified By
CHANGED_DATE | datetime | Modification Date
CLOSED_BY | integer | Closed By
CLOSED_DATE | datetime | Closure Date
DEADLINE | datetime | Deadline
START_DATE_PLAN | datetime | Planned Start
END_DATE_PLAN | datetime | Planned Completion
COMMENTS_COUNT | integer | Number of Comments
ALLOW_TIME_TRACKING | enum | Time Tracking
TIME_ESTIMATE | integer | Estimated Time
TIME_SPENT_IN_LOGS | integer | Time Spent from Change History
UF_CRM_TASK | crm* | CRM Entities
UF_TASK_WEBDAV_FILES | disk_file* | Upload Files
""",
    "users": """
ID | integer | ID
ACTIVE | boolean | Activity
NAME | string | First Name
LAST_NAME | string | Last Name
SECOND_NAME | string | Middle Name
EMAIL | string | E-Mail
LAST_LOGIN | datetime | Last Authorization
DATE_REGISTER | datetime | Registration Date
TIME_ZONE | string | Time Zone
IS_ONLINE | char | Online
TIMESTAMP_X | object | Modified
LAST_ACTIVITY_DATE | object | Last Activity
PERSONAL_GENDER | string | Gender
PERSONAL_WWW | string | Homepage
PERSONAL_BIRTHDAY | datetime | Date of Birth
PERSONAL_MOBILE | string | Personal Mobile
PERSONAL_CITY | string | Residential City
WORK_PHONE | string | Company Phone
WORK_POSITION | string | Job Title
UF_EMPLOYMENT_DATE | date | Hire Date
UF_DEPARTMENT | array* | Units
USER_TYPE | string | User Type
""",
}

_CUSTOM_PREFIX = {
    "deals": "UF_CRM_",
    "leads": "UF_CRM_",
    "contacts": "UF_CRM_",
    "companies": "UF_CRM_",
    "items": "UF_CRM_7_",
}
_CUSTOM = (
    ("1700000001", "string", False, "Contract number"),
    ("1700000002", "string", True, "Tags"),
    ("1700000003", "integer", False, "Number of seats"),
    ("1700000004", "integer", True, "Serial numbers"),
    ("1700000005", "double", False, "Discount"),
    ("1700000006", "double", True, "Weights"),
    ("1700000007", "boolean", False, "VIP"),
    ("1700000008", "date", False, "Delivery date"),
    ("1700000009", "date", True, "Payment dates"),
    ("1700000010", "datetime", False, "Next meeting"),
    ("1700000011", "datetime", True, "Meetings"),
    ("1700000012", "enumeration", False, "Region"),
    ("1700000013", "enumeration", True, "Products of interest"),
    ("1700000014", "money", False, "Budget"),
    ("1700000015", "money", True, "Instalments"),
    ("1700000016", "url", False, "Web page"),
    ("1700000017", "address", False, "Delivery address"),
    ("1700000018", "crm", False, "Related record"),
    ("1700000019", "crm", True, "Related records"),
    ("1700000020", "employee", False, "Engineer"),
    ("1700000021", "employee", True, "Team"),
    ("1700000022", "file", False, "Contract"),
    ("1700000023", "file", True, "Drawings"),
    ("1700000024", "iblock_element", False, "Catalogue element"),
    ("1700000025", "iblock_section", True, "Catalogue sections"),
    ("1700000026", "crm_status", False, "Industry of the end customer"),
    ("SCORE", "integer", False, "Score"),
)
