"""The few pages that people see: plain, legible on a phone, without scripts, cookies or anything from elsewhere."""

from collections.abc import Sequence
from html import escape
from typing import Literal, NamedTuple

from quart import Response

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: #f3f1ea; color: #22302a; font: 18px/1.55 system-ui, sans-serif; }
main { max-width: 30rem; margin: 12vh auto; padding: 2rem 1.5rem; background: #fff; border-radius: 14px; }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.75rem 0 .25rem; font-size: 1rem; }
label { display: flex; gap: .75rem; align-items: center; padding: .5rem 0; }
input { flex: none; width: 1.3rem; height: 1.3rem; margin: 0; accent-color: #2f5d46; }
button { margin-top: 1.25rem; padding: .8rem 1.5rem; border: 0; border-radius: 10px; background: #2f5d46; color: #fff;
  font: inherit; font-weight: 600; }
.said { color: #2f5d46; font-weight: 600; }
a { color: inherit; }
@media (max-width: 34rem) { main { margin: 0; min-height: 100vh; border-radius: 0; } button { width: 100%; } }
@media (prefers-color-scheme: dark) {
  body { background: #151b18; color: #e8ebe6; } main { background: #1f2824; }
  button { background: #a9d3bb; color: #14201a; } .said { color: #a9d3bb; } input { accent-color: #a9d3bb; }
}
"""
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
"""The address is the key: it is told to nobody, and kept nowhere."""


class Box(NamedTuple):
    """Something to tick."""

    name: str
    label: str
    ticked: bool
    group: Literal["mail", "use"]


def page(title: str, text: str, *, button: str = "", aside: str = "", status: int = 200) -> Response:
    """A page that says something, and may ask for a click; `aside` is where to choose in detail."""
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    more = f'<p><a href="{escape(aside)}">Choose what you get</a></p>' if aside else ""
    return _page(title, f"<p>{escape(text)}</p>{form}{more}", status)


def preferences_page(boxes: Sequence[Box], *, saved: bool) -> Response:
    """The page on which a person chooses."""
    said = '<p class="said" role="status">Saved.</p>' if saved else ""
    groups = (("mail", "What you get"), ("use", "What your data may be used for"))
    parts = [f"<h2>{title}</h2>{_ticks(boxes, group)}" for group, title in groups]
    return _page("Your choices", f'{said}<form method="post">{"".join(parts)}<button>Save</button></form>', 200)


def _ticks(boxes: Sequence[Box], group: str) -> str:
    return "".join(
        f'<label><input type="checkbox" name="{escape(box.name)}"{" checked" if box.ticked else ""}>'
        f"{escape(box.label[:1].upper() + box.label[1:])}</label>"
        for box in boxes
        if box.group == group
    )


def _page(title: str, body: str, status: int) -> Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style>'
        f"<main><h1>{escape(title)}</h1>{body}</main></html>"
    )
    return Response(text, status, _SAFE, content_type="text/html; charset=utf-8")
