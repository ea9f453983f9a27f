"""Secrets in notebooks and other files: where they stand and what they are, never they themselves. No network."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from b24data.doctor.gitignore import is_ignored
from b24data.doctor.secrets import secret_kind, secrets_in
from b24data.errors import ConfigError
from b24data.files.atomic import open_regular
from b24data.text.printable import printable
from b24data.text.redact import masked

_SUFFIXES = frozenset(
    (".ipynb", ".py", ".env", ".toml", ".json", ".yaml", ".yml", ".ini", ".cfg", ".sh", ".ps1", ".md")
)
_NOT_OURS = frozenset(("__pycache__", "node_modules", "site-packages"))
_LARGEST = 100 << 20  # bytes of a file; a notebook with pictures has tens of megabytes
_METADATA = "metadata of the notebook"
_WIDGETS = "application/vnd.jupyter.widget-state+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One secret: its file; in a notebook the cell and the part of it; the line there, from 1 (0: none)."""

    kind: str
    file: str = ""
    cell: int = 0
    part: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{shown_name(self.file)}: {self.place}"

    @property
    def place(self) -> str:
        """Where in its file it is, and what."""
        cell = f"cell {self.cell} " if self.cell else ""
        line = f"line {self.line}" if self.line else ""
        where = ", ".join(part for part in (f"{cell}{self.part}".strip(), line) if part)
        return f"{where}: {self.kind}"


def shown_name(file: str) -> str:
    r"""The name of a file on one line, without secrets: whoever made the file chose it.

    >>> print(shown_name("notes\x1b[2J\n.py"))
    notes\u001b[2J\n.py
    """
    return printable(masked(file)).replace("\n", r"\n")


def files_in(
    paths: Iterable[str | os.PathLike[str]], unread: Callable[[OSError], object] | None = None
) -> Iterator[Path]:
    """The files that these paths name; of a folder all that may hold secrets, but not those of an environment or git.

    ``unread`` is told of every folder that can't be read. Raises :class:`ConfigError` for a path that is not there.
    """
    for path in map(Path, paths):
        if os.path.isdir(path):  # noqa: PTH112  that of a Path raises where it may not look
            yield from _walk(path, unread)
        elif os.path.lexists(path):
            yield path
        else:
            raise ConfigError(f"{path} does not exist", hint="name notebooks, other files or folders")


def _walk(folder: Path, unread: Callable[[OSError], object] | None) -> Iterator[Path]:
    for at, folders, names in os.walk(folder, onerror=unread):
        folders[:] = sorted(name for name in folders if not _is_left_out(Path(at, name)))
        yield from (
            Path(at, name) for name in sorted(names) if Path(name).suffix in _SUFFIXES or name.startswith(".env")
        )


def _is_left_out(folder: Path) -> bool:
    hidden = folder.name.startswith(".") and folder.name != ".ipynb_checkpoints"  # which has copies of notebooks
    return hidden or folder.name in _NOT_OURS or os.path.lexists(folder / "pyvenv.cfg")


def leaks_in_file(file: Path) -> list[Leak]:
    """What a file gives away. A ``.env`` file that git ignores is where secrets may be.

    Nothing is run, and nothing of what is read is obeyed. Raises :class:`OSError` for anything that is not a file,
    cannot be read or is very large.
    """
    with open_regular(file) as opened:
        data = opened.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {_LARGEST >> 20} MB", str(file))
    text = data.decode("utf-8", "replace")
    found = leaks_in_notebook(text) if file.suffix == ".ipynb" else leaks_in_text(text)
    if found and file.name.startswith(".env") and is_ignored(file):
        return []
    return [replace(leak, file=str(file)) for leak in dict.fromkeys(found)]


def leaks_in_text(text: str) -> list[Leak]:
    """What a text gives away.

    >>> address = "https://acme.bitrix24.com/rest/1/" + "q7w2k9x4m1p8z3v6"
    >>> [(leak.line, leak.kind) for leak in leaks_in_text(f"url = (\\n  '{address}/')")]
    [(2, 'webhook address')]
    """
    return [Leak(kind=one.kind, line=text.count("\n", 0, one.start) + 1) for one in secrets_in(text)]


def leaks_in_notebook(text: str) -> list[Leak]:
    """What a notebook gives away: in sources, outputs, metadata, the state of its widgets, and all else that it has."""
    try:
        notebook = json.loads(text)
        if "cells" in notebook or "worksheets" in notebook:
            return _of_notebook(notebook)
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    return leaks_in_text(text)  # not a notebook, or broken: every text has lines


def _of_notebook(notebook: Any) -> list[Leak]:
    """The leaks by cells; those of nbformat 3 are in worksheets."""
    sheets = list(notebook.get("worksheets", ()))
    cells = [*notebook.get("cells", ()), *(cell for sheet in sheets for cell in sheet.get("cells", ()))]
    metadata = dict(notebook.get("metadata", {}))
    found: list[Leak] = []
    for number, cell in enumerate(cells, 1):
        found += [replace(leak, cell=number) for leak in _of_cell(cell if isinstance(cell, dict) else {"": cell})]
    widgets = metadata.pop("widgets", {})
    found += _of_value(metadata, _METADATA)
    found += _of_widgets(widgets)
    found += _of_value(_without(notebook, "cells", "worksheets", "metadata"), _METADATA)
    found += _of_value([_without(sheet, "cells") for sheet in sheets], _METADATA)
    return found


def _of_cell(cell: Mapping[str, Any]) -> Iterator[Leak]:
    for name in ("source", "input"):  # of nbformat 4 and 3
        yield from (replace(leak, part="source") for leak in leaks_in_text(_joined(cell.get(name))))
    yield from _of_value(cell.get("attachments", {}), "attachments")
    yield from _of_value(cell.get("outputs", ()), "output")
    yield from _of_value(_without(cell, "source", "input", "attachments", "outputs"), "metadata")


def _without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in names}


def _of_value(value: Any, part: str, name: str = "") -> Iterator[Leak]:
    """The leaks of a JSON value: of its texts, which may be cut into lines, and of what stands under a telling key."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not str(key).startswith("image/") or key == "image/svg+xml":
                yield from _of_value(item, part, str(key))
    elif isinstance(value, list) and not all(isinstance(item, str) for item in value):
        for item in value:
            yield from _of_value(item, part, name)
    elif isinstance(value, str | list):
        text = _joined(value)
        found = leaks_in_text(text)
        if found:
            yield from (replace(leak, part=part) for leak in found)
        elif kind := secret_kind(name, text):
            yield Leak(kind=kind, part=part)


def _of_widgets(widgets: Any) -> Iterator[Leak]:
    """The state that widgets leave in a notebook: what was typed into a password field is there in clear."""
    part = "state of widgets"
    kept = widgets.get(_WIDGETS, widgets) if isinstance(widgets, dict) else {}
    models = kept.get("state", {}) if isinstance(kept, dict) else {}
    for model in models.values() if isinstance(models, dict) else ():
        is_password = isinstance(model, dict) and model.get("model_name") == "PasswordModel"
        state = model.get("state") if is_password else None
        if isinstance(state, dict) and state.get("value") and not any(_of_value(state, part)):
            yield Leak(kind="content of a password field", part=part)
    yield from _of_value(widgets, part)


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")


def cures(leaks: Iterable[Leak]) -> list[str]:
    """What to do about them, a line each.

    >>> cures([])
    []
    """
    leaks = list(leaks)
    notebooks = sorted({leak.file for leak in leaks if leak.file.endswith(".ipynb")})
    parts = {leak.part for leak in leaks}
    lines = []
    if parts & {"output", "state of widgets"}:
        names = " ".join(notebooks) if len(notebooks) <= 3 else "NOTEBOOKS"
        lines += [
            f"outputs and widgets: pip install nbstripout; nbstripout {names}",
            "  (nbstripout --install does it before each commit; or Clear Outputs of All Cells, and save)",
        ]
    if any(leak.part in ("", "source") for leak in leaks):
        lines.append(
            "programs: save it with b24data login, and b24data.connect() finds it; "
            "or use a .env file listed in .gitignore"
        )
    if any("metadata" in leak.part for leak in leaks):
        lines.append("metadata: pass the name of a profile as a parameter, never a secret; then run the notebook again")
    if leaks:
        lines.append(
            "a secret that was shared or committed is known: create a new webhook (delete the old one) "
            "or application key, or sign in again"
        )
    return lines
