"""User fields of every kind, and multifields: what stands in them, in both spellings of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b24data.sandbox import words
from b24data.sandbox.columns import ABSENT, ID_MARK, NULL, ZONE_S, Codes, Numbers, iso
from b24data.sandbox.fields import MULTIFIELDS, Field
from b24data.sandbox.ragged import Column
from b24data.sandbox.stages import STATUSES

if TYPE_CHECKING:
    from b24data.sandbox.table import Table

_DAY = 86400
_LAST_DAY = int(np.datetime64("2026-11-01").astype("datetime64[s]").astype(np.int64)) - ZONE_S


def custom_column(table: Table, field: Field) -> Numbers | Codes:
    """A user field; an empty multiple one is ``false`` where numbers travel as text, ``[]`` in ``crm.item.list``."""
    rng, n = table.rng(field.name), table.size
    if field.multiple:
        values, numeric = _lists(field.type, rng)
        return Codes(_weighted(rng, n, len(values)), values, numeric)
    if field.type in ("integer", "double", "enumeration", "employee", "iblock_element", "date", "datetime"):
        return _number(field.type, table, rng)
    if field.type == "boolean":
        return Codes(rng.integers(0, 3, n, dtype=np.int32), [None, True, False], [None, "Y", "N"])
    if field.type == "file":
        return Codes(_weighted(rng, n, 2), [None, _file(1)], [None, _file(1, item=True)])
    singles: dict[str, list[Any]] = {
        "string": [*words.COMMENTS, f"№ {ID_MARK}/25"],
        "money": ["", None, "100|USD", "2500.5|EUR", "18500|RUB", "0|CNY", "-15.25|USD"],
        "url": ["", "https://example.com/?a=1&b=2", f"https://example.com/{ID_MARK}", "example.com"],
        "address": ["", None, "Москва, ул. Ленина, 1|55.751244;37.618423|12", "上海市南京东路 100 号|;|"],
        "crm": ["", None, "D_1", "C_123", "CO_456", "T40c_6"],
        "crm_status": [None, *(code for code, _ in STATUSES["INDUSTRY"])],
    }
    values = singles[field.type]
    return Codes(rng.integers(0, len(values), n, dtype=np.int32), values)


def empty_column(table: Table, field: Field) -> Column:
    """A user field that nothing has been put into yet."""
    column = custom_column(table, field)
    if isinstance(column, Numbers):
        column.values[:] = NULL
        return column
    nothing = False if field.multiple else None
    return Codes(np.zeros(table.size, np.int32), [nothing], None if column.numeric is None else [[]])


def _number(kind: str, table: Table, rng: np.random.Generator) -> Numbers:
    n = table.size
    if kind == "double":
        values, stored = rng.integers(-10_000, 1_000_000, n), "double"
    elif kind == "enumeration":
        values, stored = 81 + 2 * rng.integers(0, 4, n), "id"
    elif kind == "employee":
        staff = table.world.table("users").ids
        values, stored = (staff if len(staff) else np.ones(1, np.int64))[rng.integers(0, max(len(staff), 1), n)], "id"
    elif kind == "date":
        values, stored = _LAST_DAY + rng.integers(-400, 200, n) * _DAY, "date"
    elif kind == "datetime":
        values, stored = _LAST_DAY + rng.integers(-400 * _DAY, 200 * _DAY, n), "datetime"
    else:
        values, stored = rng.integers(-5, 5000, n), "id"
    values = values.astype(np.int64)
    values[rng.random(n) < 0.3] = NULL
    return Numbers(stored, values, empty="" if stored in ("date", "datetime") else None)


def _lists(kind: str, rng: np.random.Generator) -> tuple[list[Any], list[Any] | None]:
    """Some lists of values, the empty one first: as text, and where numbers travel as numbers."""
    if kind in ("integer", "enumeration", "employee", "iblock_section", "double"):
        if kind == "enumeration":
            lists: list[list[Any]] = [[81], [83, 85], [81, 85, 87], [87]]
        elif kind == "double":
            lists = [[0.5], [1.25, 17.0], [9999.9, -3.5, 0.1]]
        else:
            lists = [[1], [2, 3], [5, 1, 4], [3]]
        # b24restdocs, crm-item-list.md: numbers are numbers in crm.item.*; enumerations are so in both.
        as_text = lists if kind == "enumeration" else [[f"{value:g}" for value in values] for values in lists]
        return [False, *as_text], [[], *lists]
    moments = _LAST_DAY + rng.integers(-300, 200, 6) * _DAY
    if kind == "datetime":
        moments = moments + rng.integers(0, _DAY, 6)
    pools: dict[str, list[Any]] = {
        "date": [iso(moment) for moment in moments],
        "datetime": [iso(moment) for moment in moments],
        "money": ["300|USD", "450.75|EUR", "1200|RUB", "88|CNY", "0.5|USD", "15|EUR"],
        "crm": ["D_1", "C_123", "CO_456", "L_7", "T40c_6", "D_2"],
        "file": [_file(1), _file(2), _file(3), _file(4), _file(5), _file(6)],
        "string": ["срочно", "VIP", "повтор/2", "折扣", 'a "b"', "🔥"],
    }
    pool = pools[kind]
    lists = [[pool[0]], pool[1:3], pool[3:6]]
    if kind == "file":
        items = [_file(at, item=True) for at in range(1, 7)]
        return [False, *lists], [[], [items[0]], items[1:3], items[3:6]]
    return [False, *lists], [[], *lists]


def _file(number: int, *, item: bool = False) -> dict[str, Any]:
    """A file as object-fields.md has it (``crm.item``), or with the links of the older methods."""
    query = f"ownerId={ID_MARK}&fileId={number}"
    if item:
        return {
            "id": number,
            "url": f"/bitrix/services/main/ajax.php?action=crm.controller.item.getFile&{query}",
            "urlMachine": f"/rest/1/file/?token=crm%7C{ID_MARK}%7C{number}",
        }
    link = f"/bitrix/components/bitrix/crm.deal.show/show_file.php?{query}"
    return {"id": str(number), "showUrl": link, "downloadUrl": f"{link}&download=y"}


def multifield_column(table: Table, field: Field) -> Codes:
    """Phones and their kind: a list of objects; without any, the key is left out of the row."""
    rng = table.rng(field.name)
    values = {
        "PHONE": [("WORK", f"+7495{ID_MARK}"), ("MOBILE", f"+79161{ID_MARK}"), ("OTHER", "8 (800) 555-35-35 доб. 7")],
        "EMAIL": [
            ("WORK", f"client{ID_MARK}@example.com"),
            ("HOME", "почта@пример.рф"),
            ("MAILING", "a+b@example.org"),
        ],
        "WEB": [
            ("WORK", f"https://site{ID_MARK}.example/"),
            ("VK", "https://vk.example/club1"),
            ("OTHER", "例子.测试"),
        ],
        "IM": [("TELEGRAM", f"@client{ID_MARK}"), ("OPENLINE", "imol|livechat|1|7|9"), ("VIBER", "+79990000000")],
    }[field.name]
    entries = [
        {"ID": f"{ID_MARK}{at}", "VALUE_TYPE": kind, "VALUE": value, "TYPE_ID": field.name}
        for at, (kind, value) in enumerate(values, 1 + 3 * MULTIFIELDS.index(field.name))
    ]
    lists: list[Any] = [ABSENT, entries[:1], entries[:2], entries]
    return Codes(_weighted(rng, table.size, len(lists)), lists)


def item_multifields(table: Table) -> Codes:
    """The ``fm`` of ``crm.item.list``: all multifields of a record in one list (object-fields.md)."""
    phone, email = table.coded("PHONE"), table.coded("EMAIL")
    keys = {"ID": "id", "VALUE_TYPE": "valueType", "VALUE": "value", "TYPE_ID": "typeId"}
    lists = [
        [
            {keys[key]: value for key, value in entry.items()}
            for part in (one, two)
            if part is not ABSENT
            for entry in part
        ]
        for one in phone.vocabulary
        for two in email.vocabulary
    ]
    return Codes(phone.codes * len(email.vocabulary) + email.codes, lists)


def _weighted(rng: np.random.Generator, n: int, choices: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Codes of which four in ten are the empty one."""
    codes = rng.integers(1, choices, n, dtype=np.int32)
    codes[rng.random(n) < 0.4] = 0
    return codes
