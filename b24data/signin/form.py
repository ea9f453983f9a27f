"""What the sign-in panel looks like: fields with their help, buttons, and the styles of both themes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

import ipywidgets as widgets

from b24data.errors import SdkError
from b24data.http.redirect import origin_of
from b24data.secret import Secret
from b24data.signin.flow import CODE_S, Step, sentence
from b24data.text.language import translated
from b24data.text.markup import note_html

# Colours come from the front end, so that both themes are readable; the fallbacks are for front ends that name none.
STYLE = """<style>
.b24data-panel{container-type:inline-size;max-width:60em;padding:14px 18px 12px;border-radius:6px;
  border:1px solid var(--jp-border-color2,#8886);color:var(--jp-ui-font-color1,inherit);overflow:visible}
.b24data-panel .widget-html-content,.b24data-panel .jupyter-widget-html-content{line-height:1.45;white-space:normal}
.b24data-panel h3{margin:0;font-size:1.2em;font-weight:600}
.b24data-panel h3+div:not(:empty){opacity:.75;margin-bottom:8px}
.b24data-panel .b24data-rows{gap:6px;overflow:visible}
.b24data-panel .b24data-row{gap:12px;flex-flow:row wrap;align-items:center;overflow:visible}
.b24data-panel .b24data-help{flex:1 1 16em;min-width:14em;font-size:.92em;opacity:.75}
.b24data-panel .b24data-bar{gap:6px;flex-flow:row wrap;margin-top:6px;overflow:visible}
.b24data-panel .b24data[role=status],.b24data-panel .b24data-next{margin-top:8px}
.b24data-panel .b24data-next code{display:inline-block}
.b24data-panel .widget-toggle-buttons{display:flex;flex-flow:row wrap;align-items:center;gap:4px 0}
.b24data-panel .widget-toggle-buttons>.widget-label{width:11em;flex:none;margin-right:8px;text-align:right}
.b24data-panel .b24data-trouble{padding:6px 10px;border-left:4px solid var(--jp-error-color1,#d32f2f);
  margin-top:8px;background:color-mix(in srgb,var(--jp-error-color1,#d32f2f) 10%,transparent)}
.b24data-panel a.b24data-link{display:inline-block;padding:5px 16px;border-radius:3px;text-decoration:none;
  color:var(--jp-ui-inverse-font-color1,#fff);background:var(--jp-brand-color1,#1976d2)}
.b24data-panel a.b24data-link:hover{filter:brightness(1.1)}
.b24data-panel .b24data-life{height:3px;width:0;max-width:30em;margin:6px 0;background:currentColor;opacity:.5}
.b24data-panel .b24data-link:active~.b24data-life{width:100%;transition:none}
.b24data-panel code{padding:1px 5px;border-radius:3px;user-select:all;background:var(--jp-layout-color2,#8882);
  color:inherit}
.b24data-panel select{background-image:url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' \
viewBox='0 0 18 18'%3E%3Cpath d='M5 7l4 4 4-4' fill='none' stroke='%23888' stroke-width='2'/%3E%3C/svg%3E")!important}
@container (max-width:36em){ /* labels above their fields, help right below them */
.b24data-panel .b24data-row{flex-flow:column;align-items:stretch;gap:2px;margin-bottom:4px}
.b24data-panel .b24data-help{flex:none;min-width:0}
.b24data-panel .widget-inline-hbox{flex-flow:row wrap;width:auto!important;height:auto;margin:0 2px!important}
.b24data-panel .widget-inline-hbox>.widget-label{width:100%!important;flex:none;margin:0;text-align:left}
.b24data-panel .widget-inline-hbox>:is(input,select){flex:1 1 100%;height:var(--jp-widgets-inline-height,28px)}
.b24data-panel .widget-toggle-buttons>.widget-label{width:100%;height:auto;margin:0 2px;text-align:left}
}
</style>"""

_CODE = re.compile(r"`([^`]+)`")
_FIELD = "35em"  # with its label
_LABEL = {"description_width": "11em"}


def heading(title: str, text: str) -> str:
    """A title and a line below it."""
    return f"{STYLE}<h3>{html.escape(translated(title))}</h3><div>{html.escape(translated(text))}</div>"


def row(field: widgets.Widget, *help_: str) -> widgets.HBox:
    """A field, and beside it what to put there, or below it on a narrow page. ``help_`` has code in backticks."""
    text = widgets.HTML(_CODE.sub(r"<code>\1</code>", html.escape(" ".join(map(translated, help_)))))
    text.add_class("b24data-help")
    line = widgets.HBox([field, text])
    line.add_class("b24data-row")
    return line


def bar(*buttons: widgets.Widget) -> widgets.HBox:
    """Buttons in a row."""
    line = widgets.HBox(buttons)
    line.add_class("b24data-bar")
    return line


def rows(*lines: widgets.Widget) -> widgets.VBox:
    """Rows below each other."""
    box = widgets.VBox(lines)
    box.add_class("b24data-rows")
    return box


def text_field(description: str, placeholder: str) -> widgets.Text:
    """A field that may be seen."""
    return widgets.Text(
        description=translated(description), placeholder=translated(placeholder), style=_LABEL, layout=_wide()
    )


def hidden_field(description: str, placeholder: str) -> widgets.Password:
    """A hidden field. Its value comes when the field is left or Enter is pressed, not with every key."""
    return widgets.Password(
        description=translated(description),
        placeholder=translated(placeholder),
        continuous_update=False,
        style=_LABEL,
        layout=_wide(),
    )


def choice(description: str, *, width: str = _FIELD) -> widgets.Dropdown:
    """One of several, by its name."""
    return widgets.Dropdown(description=translated(description), style=_LABEL, layout=_wide(width))


def ways(options: Sequence[tuple[str, str]]) -> widgets.ToggleButtons:
    """One of a few, side by side."""
    return widgets.ToggleButtons(
        options=[(translated(name), value) for name, value in options],
        description=translated("Way in"),
        style={**_LABEL, "button_width": "auto"},
        layout=widgets.Layout(width="auto", max_width="100%"),
    )


def button(description: str, clicked: Callable[[], None], tooltip: str, *, primary: bool = False) -> widgets.Button:
    """A button; one of those that are visible is ``primary``."""
    made = widgets.Button(
        description=translated(description),
        tooltip=translated(tooltip),
        button_style="primary" if primary else "",
        layout=widgets.Layout(width="auto", min_width="9em"),
    )
    made.on_click(lambda _: clicked())
    return made


def link_html(step: Step) -> str:
    """The link at which the user agrees. The bar below it runs in the browser: no kernel learns of a click."""
    back = "This panel continues by itself. If it does not, paste" if step.listens else "Then paste"
    text = f"{back} the code, or the whole address of the page that follows, below. The code lives {CODE_S} seconds."
    host, link = html.escape(origin_of(step.address).netloc), Secret(html.escape(step.link))
    opens = translated(f"Open {host} and agree")
    return (
        f'<style>.b24data-life{{transition:width {CODE_S}s linear}}</style><a class="b24data-link" '
        f'href="{link.reveal()}" target="_blank" rel="noopener">{opens}</a>'
        f'<div class="b24data-life" aria-hidden="true"></div><div>{html.escape(translated(text))}</div>'
    )


def next_html(name: str, names: Sequence[str]) -> str:
    """The line to run next: with the name where a later notebook needs it."""
    named = f'"{name}"' if len(names) > 1 else ""
    text = translated("Next, in a cell of your own:")
    return f'<div class="b24data-next">{text} <code>b24 = b24data.connect({html.escape(named)})</code></div>'


def trouble_html(error: SdkError) -> str:
    """What went wrong, and the way on."""
    return f'<div class="b24data-trouble">{note_html(f"✗ {sentence(error)}", role="alert")}</div>'


def _wide(width: str = _FIELD) -> widgets.Layout:
    return widgets.Layout(width=width, max_width="100%", margin="0")
