"""What each of the portal's field types becomes: a kind of column and its Arrow type.

========== ============================================ =====================================================
kind       portal types                                 Arrow
========== ============================================ =====================================================
int        integer, ids of users, contacts, elements    int64
float      double, float, N                             float64
bool       boolean, bool, Y/N char, Y/N enum            bool
date       date                                         date32: the day as written, never through UTC
timestamp  datetime                                     timestamp[us, tz]
amount     money ``100|USD``, its number                float64
currency   money ``100|USD``, its letters               string
decimal    none; ``dtypes`` asks for it                 decimal128(18, 4): numbers and money, exactly
category   none; ``dtypes`` asks for it                 dictionary<string>: a text of a few
contacts   crm_multifield (PHONE, EMAIL, WEB, IM)       list<struct<ID, VALUE_TYPE, VALUE, TYPE_ID>>
text       every other type                             string; objects and arrays in it as JSON text
========== ============================================ =====================================================

A multiple field is a list of its kind. ``""``, ``null``, ``false`` where no boolean is meant, and an empty array are
null, so an empty multiple field is null in either spelling of an entity; the reference ``"0"`` stays 0.
Source of the types: b24restdocs, crm/data-types.md and the pages of the describing methods.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import zoneinfo
from typing import Any, Literal, get_args

import pyarrow as pa

from b24data.errors import ConfigError
from b24data.fields.fields import Field
from b24data.text.hints import option

EXACT = 2**53  # integers below survive a double; this one may have been the next

Kind = Literal[
    "int", "float", "bool", "date", "timestamp", "amount", "currency", "contacts", "text", "decimal", "category"
]

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("integer", "int", "user", "employee", "enumeration", "crm_dynamic_type", "department"), "int"),
    **dict.fromkeys(("crm_lead", "crm_deal", "crm_contact", "crm_company", "crm_quote", "crm_category"), "int"),
    **dict.fromkeys(("crm_entity", "disk_file", "mail_message", "iblock_element", "iblock_section"), "int"),
    **dict.fromkeys(("crm_enum_ownertype", "crm_enum_activitytype", "crm_enum_activitystatus"), "int"),
    **dict.fromkeys(("crm_enum_activitypriority", "crm_enum_activitynotifytype", "crm_enum_contenttype"), "int"),
    **dict.fromkeys(("crm_enum_activitydirection", "resourcebooking", "hlblock"), "int"),
    **dict.fromkeys(("L", "E", "E:EList", "F", "G", "N:Sequence", "S:employee"), "int"),  # of lists.field.get
    **dict.fromkeys(("double", "float", "N"), "float"),
    **dict.fromkeys(("boolean", "bool"), "bool"),
    **dict.fromkeys(("date", "S:Date"), "date"),
    **dict.fromkeys(("datetime", "S:DateTime"), "timestamp"),
    **dict.fromkeys(("money", "S:Money"), "amount"),
    "crm_multifield": "contacts",
}

# Described as char, but letters and words: the answers in b24restdocs (catalog, sale, crm.status, user fields).
_WORDY_CHARS = {
    *("SHOW_FILTER", "SEMANTICS", "CATEGORY_ID", "bundle", "priceType", "commentary", "currency", "docType", "siteId"),
    *("status", "access", "issuingCenter", "domain", "lockedBy", "recurringId", "statusId", "psStatus", "type", "util"),
}

_CONTACT = pa.struct(
    [("ID", pa.int64()), ("VALUE_TYPE", pa.string()), ("VALUE", pa.string()), ("TYPE_ID", pa.string())]
)


def kind_of_field(field: Field) -> Kind:
    """The kind of column that a described field becomes.

    >>> kind_of_field(Field("STATUS", "status", type="enum", values={"2": "Pending", "3": "In progress"}))
    'int'
    """
    if field.type == "char":
        return "text" if field.code in _WORDY_CHARS else "bool"
    if field.type == "enum":
        codes = field.values.keys()
        if codes and codes <= {"Y", "N"}:
            return "bool"
        return "int" if codes and all(code.lstrip("-").isdecimal() for code in codes) else "text"
    return _KINDS.get(field.type, "text")


def check_zone(tz: str | dt.tzinfo) -> str:
    """The name of a time zone, or an offset such as ``+03:00``; :class:`ConfigError` for anything else.

    A ``zoneinfo.ZoneInfo`` is its name, ``datetime.timezone`` its offset.

    >>> check_zone("Europe/Berlin"), check_zone("+03:00")
    ('Europe/Berlin', '+03:00')
    >>> check_zone("Europe/Berlyn")
    Traceback (most recent call last):
    b24data.errors.ConfigError: there is no time zone 'Europe/Berlyn'. Hint: did you mean Europe/Berlin?
    """
    if isinstance(tz, dt.tzinfo):
        tz = str(tz).removeprefix("UTC") or "UTC"
    if not isinstance(tz, str):
        raise ConfigError(f"tz is {tz!r}", hint=f"write {option('tz', 'Europe/Moscow')} or {option('tz', '+03:00')}")
    if re.fullmatch(r"[+-]([01]\d|2[0-3]):[0-5]\d", tz, re.ASCII):
        return tz
    try:
        zoneinfo.ZoneInfo(tz)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = difflib.get_close_matches(tz, zoneinfo.available_timezones(), n=1)
        hint = f"did you mean {near[0]}?" if near else 'such as "UTC", "Europe/Moscow" or "+03:00"'
        raise ConfigError(f"there is no time zone {tz!r}", hint=hint) from error
    return tz


def offset_of(time: str | None) -> str | None:
    """The offset of a time as the portal writes it, for :func:`check_zone`; None where it has none.

    >>> offset_of("2026-03-24T08:00:00+03:00"), offset_of("2026-03-24T05:00:00Z"), offset_of("")
    ('+03:00', '+00:00', None)
    """
    match = re.search(r"T[\d:.]+(Z|[+-]\d\d:?\d\d)$", time or "")
    if match is None:
        return None
    return "+00:00" if match[1] == "Z" else f"{match[1][:3]}:{match[1][-2:]}"


def arrow_type(kind: Kind, *, many: bool = False, tz: str = "UTC") -> pa.DataType:
    """The Arrow type of a kind; ``many`` makes it a list.

    >>> arrow_type("timestamp")
    TimestampType(timestamp[us, tz=UTC])
    """
    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz),
        "amount": pa.float64(),
        "decimal": pa.decimal128(18, 4),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "contacts": pa.list_(_CONTACT),
    }
    base = types.get(kind, pa.string())
    return pa.list_(base) if many else base


_DTYPES: dict[str, Kind] = {
    **{kind: kind for kind in get_args(Kind)},
    **dict.fromkeys(("int64", "Int64", "integer"), "int"),
    **dict.fromkeys(("float64", "Float64", "double"), "float"),
    **dict.fromkeys(("boolean",), "bool"),
    **dict.fromkeys(("date32", "date32[day]"), "date"),
    **dict.fromkeys(("datetime", "datetime64[us, UTC]", "timestamp[us, tz=UTC]"), "timestamp"),
    **dict.fromkeys(("string", "str"), "text"),
    **dict.fromkeys(("Decimal", "decimal128(18, 4)"), "decimal"),
}


def kind_of_dtype(name: str, dtype: Any) -> tuple[Kind, bool]:
    """The kind, and whether a list of it, that a caller's ``dtypes={name: dtype}`` asks for.

    ``dtype`` is a word (``"int"``, ``"float"``, ``"decimal"``, ``"bool"``, ``"date"``, ``"datetime"``, ``"text"``,
    ``"category"``), its usual pandas or Arrow name, a Python type, or a pyarrow type; ``"list<int>"`` makes a list.

    >>> kind_of_dtype("UF_CRM_1", "list<int>")
    ('int', True)
    """
    text = dtype.__name__ if isinstance(dtype, type) else str(dtype)
    many = text.startswith("list<") and text.endswith(">")
    if many:
        text = text.removeprefix("list<").removesuffix(">").split(": ")[-1]
    if text.startswith("timestamp["):
        text = "timestamp"
    if text not in _DTYPES or (many and text == "category"):
        raise ConfigError(
            f"dtypes has no type for {name}: {dtype!r}",
            hint="use int, float, decimal, bool, date, datetime, text, list<...> of one of them, or category",
        )
    return _DTYPES[text], many
