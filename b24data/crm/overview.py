"""The tables of a CRM folder, and the findings of a check, as rows that are shown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b24data.crm.folder import Manifest

if TYPE_CHECKING:
    from b24data.crm.check import CrmCheck

__all__ = ["findings_rows", "tables_rows"]


def tables_rows(manifest: Manifest) -> list[dict[str, Any]]:
    """A row for each table: how many rows it has, its key, what it links to, what it holds."""
    return [
        {
            "table": name,
            "rows": facts.rows,
            "key": ", ".join(facts.key),
            "links": ", ".join(f"{column} -> {target}" for column, target in facts.refers.items()),
            "content": facts.meaning,
        }
        for name, facts in manifest.tables.items()
    ]


def findings_rows(found: CrmCheck) -> list[dict[str, Any]]:
    """A row for each finding; a note where rights may be the reason."""
    return [
        {
            "table": one.table,
            "finding": one.what,
            "rows": one.rows,
            "note": "" if one.is_fault else "missing rights may hide them",
            "examples": "; ".join(one.examples),
        }
        for one in found.findings
    ]
