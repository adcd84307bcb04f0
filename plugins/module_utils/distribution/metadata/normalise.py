# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Convert well-formed repodata to the layout that createrepo_c writes and slices.py reads.

This takes fifty times as long as slicing.  Only repositories of other tools need it: with another
order of attributes, other prefixes, CDATA, or everything on one line.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Iterable, Iterator

from ...errors import DescriptionError

if TYPE_CHECKING:
    from lxml import etree

RPM = "http://linux.duke.edu/metadata/rpm"
NAMESPACES = {
    "primary": "http://linux.duke.edu/metadata/common",
    "filelists": "http://linux.duke.edu/metadata/filelists",
    "other": "http://linux.duke.edu/metadata/other",
}
ROOTS = {"primary": "metadata", "filelists": "filelists", "other": "otherdata"}
BASE = "{http://www.w3.org/XML/1998/namespace}base"

# Slicing recognises a package by the first four.
CHILDREN = (
    "name",
    "arch",
    "version",
    "checksum",
    "summary",
    "description",
    "packager",
    "url",
    "time",
    "size",
    "location",
    "format",
)
ATTRIBUTES = ("type", "pkgid", "name", "arch", "flags", "epoch", "ver", "rel", "package", "href")


def escape_xml(text: str, *, quote: bool = False) -> str:
    """Escape text for XML, and with ``quote`` for an attribute."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;") if quote else text


def unescape_xml(text: str) -> str:
    """Replace all character references of XML."""
    if "&" not in text:
        return text
    import html  # here, because loading it takes a tenth of the time of an unchanged build

    return html.unescape(text)


def xml_head(kind: str, packages: int) -> bytes:
    """Return the part of a file of this kind before its packages."""
    prefix = f' xmlns:rpm="{RPM}"' if kind == "primary" else ""
    root = f'<{ROOTS[kind]} xmlns="{NAMESPACES[kind]}"{prefix} packages="{packages}">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()


def xml_tail(kind: str) -> bytes:
    """Return the part of a file of this kind after its packages."""
    return f"</{ROOTS[kind]}>\n".encode()


def normalise(data: bytes, kind: str, where: str) -> bytes:
    """Return the same packages in the standard layout.

    Raises DescriptionError that names the line where the data is not XML.
    """
    packages = list(_packages(data, kind, where))
    return b"".join((xml_head(kind, len(packages)), *packages, xml_tail(kind)))


def _packages(data: bytes, kind: str, where: str) -> Iterator[bytes]:
    from lxml import etree  # here, because nearly every repository has the standard layout

    tag = f"{{{NAMESPACES[kind]}}}package"
    elements = etree.iterparse(
        io.BytesIO(data),
        tag=tag,
        huge_tree=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    if b"<!ENTITY" in data or b"\0" in data:  # UTF-16 has NUL bytes, and hides entities
        raise DescriptionError("it declares XML entities or is in UTF-16", where, "use UTF-8")
    try:
        for _event, element in elements:
            if kind == "primary":
                _sort_children(element, where)
            yield _text(element, where).encode() + b"\n"
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise DescriptionError(f"not XML ({error.msg})", f"{where}:{error.lineno}") from None
    except RecursionError:
        raise DescriptionError("its elements are nested too deep", where) from None
    if elements.root.tag != f"{{{NAMESPACES[kind]}}}{ROOTS[kind]}":
        raise DescriptionError(
            f"the root element is {elements.root.tag!r}, not {ROOTS[kind]}", where
        )


def _sort_children(package: etree._Element, where: str) -> None:
    """Sort the children of a package.  Raises DescriptionError when it has an xml:base."""
    package[:] = sorted(
        (child for child in package if isinstance(child.tag, str)),
        key=lambda child: (
            CHILDREN.index(name) if (name := _split(child)[1]) in CHILDREN else len(CHILDREN)
        ),
    )
    for child in package:
        child.tail = None
        if child.attrib.pop(BASE, ""):
            raise DescriptionError(
                f'the package "{package.findtext("{*}name")}" is in another repository (xml:base)',
                where,
                "add that repository as a source",
            )
        if _split(child)[1] == "version" and "epoch" not in child.attrib:
            child.set("epoch", "0")


def _text(element: etree._Element, where: str) -> str:
    """Return an element with the usual prefixes and its attributes in the standard order."""
    tag = _tag(element, where)
    attributes = "".join(
        f' {name}="{escape_xml(value, quote=True)}"' for name, value in _sorted_attributes(element)
    )
    children = "".join(
        _text(child, where) + escape_xml(child.tail or "")
        for child in element
        if isinstance(child.tag, str)
    )
    content = escape_xml(element.text or "") + children
    return f"<{tag}{attributes}>{content}</{tag}>" if content else f"<{tag}{attributes}/>"


def _tag(element: etree._Element, where: str) -> str:
    namespace, name = _split(element)
    if namespace == RPM:
        return f"rpm:{name}"
    if namespace in NAMESPACES.values():
        return name
    raise DescriptionError(f"the element <{name}> has an unknown namespace", where)


def _split(element: etree._Element) -> tuple[str, str]:
    """Return the namespace and the name of an element."""
    namespace, _separator, name = str(element.tag).rpartition("}")
    return namespace.lstrip("{"), name


def _sorted_attributes(element: etree._Element) -> Iterable[tuple[str, str]]:
    def position(item: tuple[str, str]) -> tuple[int, str]:
        return (ATTRIBUTES.index(item[0]) if item[0] in ATTRIBUTES else len(ATTRIBUTES)), item[0]

    return sorted(((str(name), str(value)) for name, value in element.attrib.items()), key=position)
