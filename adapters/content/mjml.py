"""MJML bodies: responsive mail, written in few tags and compiled to HTML (mjml.io, by the engine of mrml)."""

import re

from mjml import mjml2html

from engine.language.errors import meant
from engine.runtime.ports import Rejected

_LOGIC = re.compile(r"\{%.*?%\}", re.DOTALL)
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<\s*(mj[a-z-]*)")
# fmt: off
_TAGS = frozenset({
    "mjml", "mj-head", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-html-attributes",
    "mj-preview", "mj-style", "mj-title", "mj-body", "mj-accordion", "mj-accordion-element", "mj-accordion-text",
    "mj-accordion-title", "mj-button", "mj-carousel", "mj-carousel-image", "mj-column", "mj-divider", "mj-group",
    "mj-hero", "mj-image", "mj-include", "mj-navbar", "mj-navbar-link", "mj-raw", "mj-section", "mj-social",
    "mj-social-element", "mj-spacer", "mj-table", "mj-text", "mj-wrapper",
})
# fmt: on
"""The components of MJML 4; the engine passes over others in silence, with all that is in them."""


def compiled(source: str) -> str:
    """The HTML of a filled-in body.

    Raises:
        Rejected: it is no MJML; the text says where.

    """
    try:
        return str(mjml2html(source))
    except ValueError as error:
        raise Rejected(f"MJML: {error}") from None


def fault(source: str) -> str:
    """What is wrong with a body before anything is filled in; empty: nothing."""
    for tag in _TAG.findall(source):
        if tag not in _TAGS:
            return f"MJML has no `{tag}`{meant(tag, _TAGS)}"
    try:
        mjml2html(_OUTPUT.sub("x", _LOGIC.sub("", source)))
    except ValueError as error:
        return f"this is not MJML: {error}"
    return ""
