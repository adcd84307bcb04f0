# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sections of a kickstart that are no scripts: %addon and %certificate."""

from __future__ import annotations

from ...errors import DescriptionError
from ..escaping import PLACEHOLDER, assign_context, unmark
from ..file_escaping import CERTIFICATE
from ..model import Element
from .expansion import Expander, SourceLine
from .script_sections import Script, quote_word, reject_line_ends


def addon_section(expander: Expander, element: Element) -> Script:
    """Return the section of an <addon>."""
    lines = expander.lines(element)
    reject_line_ends(lines)
    options = (element.attributes.get("name", ""), *element.attributes.get("arg", "").split())
    return Script(
        section="addon",
        options=options,
        lines=tuple(line for line in lines if line.text.strip()),
        origin=element.origin,
    )


def certificate_section(expander: Expander, element: Element) -> Script:
    """Return the section of a <certificate>; a reference in it can have several lines.

    Raises DescriptionError for a text that is not in PEM format, and if neither ``dir`` nor
    ``type`` states where it belongs.
    """
    options = element.attributes
    origin = element.origin
    if not options.get("dir") and not options.get("type"):
        raise DescriptionError("<certificate> needs dir= or type=", str(origin))
    words = [
        f"--{name}={quote_word(expander.attributes.resolve(options[name], origin))}"
        for name in ("filename", "dir", "type")
        if options.get(name)
    ]
    lines = [line for line in expander.lines(element) if line.text.strip()]
    if not lines:
        raise DescriptionError("<certificate> is empty", str(origin))
    for line in lines:
        if not CERTIFICATE.match(PLACEHOLDER.sub("", line.text.strip())):
            raise DescriptionError(
                f'"{unmark(line.text.strip())}" is not a line of a certificate',
                str(line.origin),
                "a certificate is in PEM format",
            )
    return Script(
        section="certificate",
        options=tuple(words),
        lines=tuple(
            SourceLine(assign_context(line.text.strip(), "certificate"), line.origin)
            for line in lines
        ),
        origin=origin,
    )
