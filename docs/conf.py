"""The site of the documentation: ``make docs`` puts it into docs/_build/html."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

from make_translations import IN_ENGLISH  # noqa: E402  it lies beside this file
from site_pages import add_keywords, told_in_english, with_cards  # noqa: E402  it lies beside this file

project = "b24data"
author = "The b24data authors"
extensions = ["sphinx.ext.autodoc", "myst_nb"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "b24data"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/scroll-start.html",
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

# The site in Russian: `-D language=ru`. `make translations` brings docs/locale up to date with the pages.
locale_dirs = ["locale"]
gettext_compact = False
gettext_uuid = False
gettext_location = False
gettext_additional_targets: list[str] = []

# Links. A broken one is a warning, and warnings are errors.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!b24data).*"),  # of other packages: their pages are not at hand here
    (
        "py:class",
        r"b24data\.(http|actions|secret|fields|sql)\..*|b24data\.(client\.client\._Client|fetch\.options\.Options|actions\.Actions)",
    ),  # private
]
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3

# The reference.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 100

# The notebooks run on the sandbox while the site is built.
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_ipywidgets_js = {}  # nothing is loaded from elsewhere
nb_merge_streams = True


def setup(app: Any) -> None:
    """Bring the notebooks into the site, and a portal for the one that signs in."""
    _bring_notebooks()
    app.connect("source-read", _links_within_the_site)
    app.connect("doctree-read", add_keywords)
    app.connect("html-page-context", _finish_page)
    if app.config.nb_execution_mode != "off":
        app.connect("builder-inited", _open_a_portal)


def _bring_notebooks() -> None:
    """Copy what differs, and only that: another language may be built from the same copies at the same time."""
    wanted = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("[!.]*") if path.is_file()}
    (HERE / "notebooks").mkdir(exist_ok=True)
    for path in (HERE / "notebooks").glob("*"):
        if path.name not in wanted:
            path.unlink() if path.is_file() else shutil.rmtree(path)
    for name, content in wanted.items():
        path = HERE / "notebooks" / name
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


def _links_within_the_site(_app: Any, _name: str, source: list[str]) -> None:
    """What lies beside docs/ on GitHub lies in it on the site."""
    source[0] = re.sub(r"\]\(\.\./(notebooks/\w+\.ipynb)", r"](\1", source[0])


def _finish_page(app: Any, name: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    body = with_cards(context.get("body", ""))
    context["body"] = told_in_english(body) if app.config.language == "ru" and name in IN_ENGLISH else body


def _open_a_portal(app: Any) -> None:
    """The environment of the notebooks: a webhook of a sandbox, and temporary folders."""
    from b24data import Sandbox

    folder = tempfile.TemporaryDirectory(prefix="b24data-docs-")
    portal = Sandbox(deals=3_000, process=True).start()
    app.connect("build-finished", lambda *_: (portal.stop(), folder.cleanup()))
    for name in ("B24DATA_CONFIG_DIR", "B24DATA_STATE_DIR", "IPYTHONDIR"):
        os.environ[name] = str(Path(folder.name) / name.lower())
    os.environ["B24_WEBHOOK"] = portal.webhook_url
    # What kernels and their driver log about themselves is not about the pages.
    quiet = Path(os.environ["IPYTHONDIR"], "profile_default", "ipython_kernel_config.py")
    quiet.parent.mkdir(parents=True)
    quiet.write_text("c.IPKernelApp.log_level = 'ERROR'\n")
    logging.getLogger("traitlets").setLevel(logging.WARNING)
