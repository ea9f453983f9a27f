"""How long a typed batch takes, as multiples of ``orjson.loads`` to dicts on the same bytes.

    python tests/benchmarks/decode.py

One answer of a batch is 2,500 rows. CPU time of the whole process, best of the rounds, rounds interleaved; the last
line of each table is what a multiple field (``false`` or a list) and a text that does not fit add.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import msgspec
import orjson

from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.schema import build_schema

ROUNDS = 15
TYPES = {
    **{"ID": "integer", "TITLE": "string", "STAGE_ID": "crm_status", "OPPORTUNITY": "double", "OPENED": "char"},
    **{"ASSIGNED_BY_ID": "user", "COMPANY_ID": "crm_company", "CURRENCY_ID": "crm_currency"},
    **{"DATE_CREATE": "datetime", "DATE_MODIFY": "datetime", "CLOSEDATE": "date", "COMMENTS": "string"},
}
MAKERS: dict[str, Callable[[random.Random], object]] = {
    "string": lambda r: r.choice(["", None, "Поставка оборудования № " + str(r.random()), "x" * r.randrange(60)]),
    "crm_status": lambda r: f"C{r.randrange(9)}:NEW",
    "crm_currency": lambda r: "RUB",
    "double": lambda r: f"{r.uniform(0, 1e6):.2f}",
    "char": lambda r: r.choice("YN"),
    "datetime": lambda r: f"2024-{r.randrange(1, 13):02}-11T10:{r.randrange(60):02}:05+03:00",
    "date": lambda r: f"2024-{r.randrange(1, 13):02}-11T03:00:00+03:00",
}


def rows_of(types: dict[str, str], quirks: tuple[str, ...], count: int = 2500) -> list[bytes]:
    """Rows as PHP writes them: numbers as texts, everything beyond ASCII escaped."""
    r = random.Random(7)
    rows = []
    for i in range(count):
        row = {c: MAKERS.get(t, lambda r: str(r.randrange(100_000)))(r) for c, t in types.items()}
        row["ID"] = str(i)
        row |= {code: r.choice([False, ["1", "22"]]) for code in quirks}
        rows.append(json.dumps(row, separators=(",", ":")).encode())
    return rows


def best(*work: Callable[[], object]) -> list[float]:
    seconds = [float("inf")] * len(work)
    for _ in range(ROUNDS):
        for i, call in enumerate(work):
            start = time.process_time()
            call()
            seconds[i] = min(seconds[i], time.process_time() - start)
    return seconds


def measure(title: str, types: dict[str, str], quirks: tuple[str, ...] = ()) -> None:
    rows = rows_of(types, quirks)
    body = b"[" + b",".join(rows) + b"]"
    raw = msgspec.json.decode(body, type=list[msgspec.Raw])
    fields = {c: Field(c, c, type=t) for c, t in types.items()}
    fields |= {c: Field(c, c, type="enumeration", multiple=True) for c in quirks}
    decoder = Decoder(build_schema(fields, list(fields), id_code="ID"))
    decoder.decode(raw)
    floor, typed, split, untyped = best(
        lambda: orjson.loads(body),
        lambda: decoder.decode(raw),
        lambda: msgspec.json.decode(body, type=list[msgspec.Raw]),
        lambda: msgspec.json.decode(body),
    )
    print(  # noqa: T201
        f"{title:44} {len(body) / 1e6:5.2f} MB  orjson {floor * 1e3:5.1f} ms   decode {typed / floor:4.2f}x"
        f"   + split into rows {split / floor:4.2f}x   msgspec to dicts {untyped / floor:4.2f}x"
    )


def main() -> None:
    more = ("string", "user", "double", "crm_status", "datetime", "string", "char")
    wide = TYPES | {f"UF_CRM_{i}": more[i % len(more)] for i in range(42)}
    measure("12 fields", TYPES)
    measure("12 fields and 2 multiple ones", TYPES, ("UF_M1", "UF_M2"))
    measure("54 fields", wide)
    measure("52 fields and 2 multiple ones", dict(list(wide.items())[:52]), ("UF_M1", "UF_M2"))


if __name__ == "__main__":
    main()
