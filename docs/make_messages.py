"""Collects the messages of the package for translation: ``python docs/make_messages.py``.

A message is a text with a space, of which a person may read a part: in errors, hints, help pages, panels, prompts and
reports. Of an f-string the values become ``{}``. ``b24data/locale/ru/LC_MESSAGES/b24data.po`` then has each of them
once: new ones with an empty translation, none that the sources no longer have. ``b24data.mo`` is made of it.
"""

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "b24data"
CATALOGUE = PACKAGE / "locale" / "ru" / "LC_MESSAGES" / "b24data.po"

# Not for a person, or of a portal that only tests see.
LEFT_OUT = (
    "engines/cursor.py",
    "cli/chart.py",
    "crm/columns.py",
    "crm/views/*",
    "fields/meanings.py",
    "http/shared_state.py",
    "text/redact.py",
    "text/language.py",
)
# Of the sandbox only what a command says.
HELP = ("sandbox/shell.py",)
_CODE = re.compile(
    r"(?is)^\s*(select(?=.*(\bfrom\b|\bwhere\b|\())|create (?!it\b|another\b|a\b)"
    r"|insert|delete from|update|drop|alter|set (local|schema|timezone|lock|memory)|pragma|begin imm|cast\(|explain"
    r"|with|and (not )?(coalesce|exists)|from \{|where|on conflict"
    r"|(?!.*\b(needs|checks|shows|takes|is|has|or)\b)(b24data|%b24|pip|chmod) \S+( [\w.{}]+)*$)"
    r"|\\[dwsSb(]|\(\?|</?\w|\w+\[\w+, |(?-i:^b24data [a-z]+ .*--.*--)"
    r"|^(?!.*%b24\b.*\b(is|has|takes)\b|write )[%:\-\w\[\] ]*%[a-zA-Z]\S*[%:\-.\w ]*$|^\W*\{\}\W*$|->"
    r"|^(Binder \w+|Conversion \w+|Out of Memory)|argument \.|^OAuth\(|^\w+\((portal|profile)=|Content-|HTTP/1"
    r"|Referrer|Cache-Control"
    r"|^datetime64|^timestamp\[|[A-Z]+\{\d|doublep"
)
_LOGS = {"debug", "info", "warning", "error", "exception", "log"}
# Words of one piece that stand alone as a label.
LABELS = {
    "portal", "user", "permissions", "limits", "columns", "reading", "output", "automation", "troubleshooting",
    "testing", "arguments", "checks", "examples:", "complete", "INCOMPLETE", "rows", "Portal",
    "requests", "transferred", "absent", "failed", "stopped", "webhook",
    "Hint:", "options", "usage:", "Webhook", "Profile", "Back", "Refresh", "application",
}  # fmt: skip


def template(node: ast.Constant | ast.JoinedStr) -> str:
    """The text with ``{}`` for each value."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def is_message(text: str) -> bool:
    """Whether a person may read it: words with a space between them, and no code."""
    if text in LABELS:
        return True
    return " " in text and re.search(r"[a-zA-Z]{2}|^, \{\} s$", text) is not None and not _CODE.search(text)


def messages() -> dict[str, str]:
    """Each message and the first module that has it."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        left_out = name.parts[0] in ("sandbox", "testing", "locale") and name.as_posix() not in HELP
        if not left_out and not any(name.match(one) for one in LEFT_OUT):
            for text in of_module(ast.parse(path.read_text("utf-8"))):
                found.setdefault(text, name.as_posix())
    return found


def of_module(tree: ast.Module) -> Iterator[str]:
    """The messages of one module."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):  # docstrings, also those of attributes
            skipped |= {id(one.value) for one in body if isinstance(one, ast.Expr)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS:
            skipped |= {id(argument) for argument in node.args}
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Literal", "TypeVar"):
            skipped |= {id(argument) for argument in node.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            text = template(node).strip(" \n")
            if id(node) not in skipped and is_message(text):
                yield text


def read_catalogue(text: str) -> dict[str, str]:
    """The translation of each message in a .po file."""
    found: dict[str, str] = {}
    entry = {"msgid": "", "msgstr": ""}
    field = ""
    for line in [*text.splitlines(), "msgid end"]:
        word, _, rest = line.partition(" ")
        if word in entry:
            if word == "msgid" and field:
                found[entry["msgid"]] = entry["msgstr"]
                entry = {"msgid": "", "msgstr": ""}
            field = word
        quoted = rest if word in entry else line
        if quoted.startswith('"'):
            entry[field] += ast.literal_eval(quoted)
    return {key: value for key, value in found.items() if key}


def written(catalogue: dict[str, str], places: dict[str, str]) -> str:
    """A .po file."""
    lines = ['msgid ""', 'msgstr "Language: ru\\nContent-Type: text/plain; charset=UTF-8\\n"', ""]
    for key, value in catalogue.items():
        lines += [f"#: {places[key]}", f"msgid {_quoted(key)}", f"msgstr {_quoted(value)}", ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{plain}"'


def compiled(catalogue: dict[str, str]) -> bytes:
    """A .mo file, as GNU gettext has it: a header, two tables of lengths and offsets, and the texts."""
    entries = {
        "": "Language: ru\nContent-Type: text/plain; charset=UTF-8\n",
        **{k: v for k, v in catalogue.items() if v},
    }
    keys = sorted(entries, key=lambda key: key.encode())
    offset = 28 + 16 * len(keys)
    tables, texts = [b"", b""], b""
    for column, of in enumerate((keys, [entries[key] for key in keys])):
        for text in of:
            raw = text.encode()
            tables[column] += struct.pack("<II", len(raw), offset + len(texts))
            texts += raw + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0) + tables[0] + tables[1] + texts


def main() -> None:
    """Bring the catalogue up to date and compile it."""
    places = messages()
    old = read_catalogue(CATALOGUE.read_text("utf-8")) if CATALOGUE.exists() else {}
    catalogue = {key: old.get(key, "") for key in places}
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    CATALOGUE.write_text(written(catalogue, places), "utf-8", newline="\n")
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue))
    sys.stdout.write(
        f"{len(catalogue)} messages, {sum(not value for value in catalogue.values())} without a translation\n"
    )


if __name__ == "__main__":
    main()
