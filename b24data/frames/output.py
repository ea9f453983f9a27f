"""From decoded batches to what the caller gets: without the walk's own id, with labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from b24data.fields.titles import Ref
from b24data.frames.columns import Decoder
from b24data.frames.labels import Labels
from b24data.frames.schema import Schema
from b24data.report import Coercion


@dataclass(slots=True)
class OutputColumns:
    """Makes batches of a decoder ready to be handed out, in their order.

    ``hidden`` are columns that were asked for the walk's sake or to check the filter; ``absent`` are columns that were
    asked for by name and that the first rows lack.
    """

    decoder: Decoder
    labels: Labels
    hidden: frozenset[str] = frozenset()
    absent: set[str] = field(default_factory=set)

    @property
    def schema(self) -> Schema:
        """The columns that the caller gets."""
        schema = self.decoder.schema
        kept = tuple(c for c in schema.columns if c.name not in self.hidden)
        return self.labels.labelled(replace(schema, columns=kept))

    def needed(self, batch: pa.RecordBatch) -> set[Ref]:
        """The records whose titles the batch needs and that were not asked for yet."""
        return self.labels.needed(batch, self.decoder.schema)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as the caller gets it."""
        schema = self.decoder.schema
        if self.absent:
            self.absent -= {name for name in self.absent if batch.column(name).null_count < batch.num_rows}
        if self.hidden:
            batch = batch.select([name for name in batch.schema.names if name not in self.hidden])
        return self.labels.apply(batch, schema)

    def state(self) -> dict[str, Any]:
        """What the notes are made of, JSON-safe: for a fetch that goes on in another run."""
        return {
            "absent": sorted(self.absent),
            "unknown_codes": self.labels.unknown,
            "unknown_fields": sorted(self.decoder.unknown),
            "naive": sorted(self.decoder.naive),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take in what an earlier run had seen."""
        self.absent &= set(state.get("absent", ()))
        for name, codes in state.get("unknown_codes", {}).items():
            self.labels.unknown[name] = [*codes]
        self.decoder.unknown |= set(state.get("unknown_fields", ()))
        self.decoder.naive |= set(state.get("naive", ()))

    def notes(self) -> list[str]:
        """What a reader of the columns should know."""
        notes = self.labels.notes()
        if self.absent:
            notes.append(f"in no row, because it is empty or this user has no right to see it: {_named(self.absent)}")
        if self.decoder.unknown and self.decoder.schema.open:
            notes.append(f"fields without a column: {_named(self.decoder.unknown)}")
        if self.decoder.naive:
            notes.append(
                f"times without an offset were read as {self.decoder.naive_zone}: {_named(self.decoder.naive)}"
            )
        return notes


def coercion_text(method: str, coercions: Mapping[str, Coercion]) -> str:
    """One sentence about the values that did not fit.

    >>> coercion_text("crm.deal.list", {"UF_SUM": Coercion(3, "1,5")})
    "crm.deal.list: values that do not fit their column are null: UF_SUM 3 (such as '1,5')"
    """
    told = [f"{name} {one.count:,} (such as {one.example!r})" for name, one in coercions.items()]
    return f"{method}: values that do not fit their column are null: {', '.join(told)}"


def _named(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
