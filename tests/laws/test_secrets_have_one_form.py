"""Where the package may take a secret out of its form, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "b24data"
PLAIN = {"access_token", "refresh_token", "application_token", "client_secret"}

# Who reveals, and what becomes of it.
MAY_REVEAL = {
    "signin/listener.py": "the address that a browser came back to is read",
    "auth/webhook.py": "a webhook's address is read",
    "signin/flow.py": "what was typed is read, and the link is made",
    "auth/oauth.py": "the new address of a portal, which is no secret",
    "auth/token_server.py": "what was sent is masked in the words of the answer",
    "signin/pasted.py": "what was pasted is read",
    "auth/cipher.py": "a document is encrypted; the key is taken out for that",
    "auth/postgres.py": "the address of the database goes to its driver",
    "fetch/elsewhere.py": "an address that may have a password goes to its file system",
    "auth/places.py": "the kind of an address is read",
    "auth/store.py": "a file that is its owner's alone; stores of others",
    "client/client.py": "get_target_origin_with_path",
    "files/atomic.py": "the bytes of a file",
    "http/redirect.py": "an address becomes another one",
    "http/request.py": "an address becomes that of a method",
    "secret.py": "the form itself",
    "http/transport.py": "the bytes of the socket",
    "signin/panel.py": "what was typed is looked at; a link is shown",
    "signin/form.py": "a link is shown",
    "signin/keys.py": "what is typed is shown up to where a secret begins",
    "signin/prompt.py": "what was typed is looked at; a link is shown",
    "signin/terminal.py": "a link is shown",
    "client/connect.py": "the name of a profile; a .env file is read",
    "tokens.py": "an address loses its password",
}


def sources() -> list[tuple[str, ast.Module]]:
    found = [(str(path.relative_to(PACKAGE).as_posix()), path) for path in sorted(PACKAGE.rglob("*.py"))]
    return [(name, ast.parse(path.read_text("utf-8"))) for name, path in found if not name.startswith("sandbox")]


def attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}


def test_no_line_of_ours__asks_for_a_secret_in_plain_text_by_name() -> None:
    """Tools show the value of ``params.access_token`` beside the line that has it."""
    assert {name: found for name, tree in sources() if (found := attributes(tree) & PLAIN)} == {
        "signin/panel.py": {"client_secret"}  # a widget
    }


def test_secrets__are_revealed_in_few_modules() -> None:
    assert {name for name, tree in sources() if "reveal" in attributes(tree)} <= set(MAY_REVEAL)


def test_the_check_itself__sees_both() -> None:
    assert attributes(ast.parse("send(params.access_token, token.reveal())")) & (PLAIN | {"reveal"}) == {
        "access_token",
        "reveal",
    }
