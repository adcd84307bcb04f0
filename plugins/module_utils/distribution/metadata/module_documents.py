# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read modules.yaml: builds of module streams, defaults, obsoletes and translations.

The formats are those of libmodulemd.  As in dnf, a document that cannot be read is left out and
the others are used.  A YAML parser takes seconds for the documents of large vendors, so only the
fields that are used are parsed, unless a document has an unusual layout.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional

BUILD = "modulemd"
DEFAULTS = "modulemd-defaults"
OBSOLETES = "modulemd-obsoletes"
TRANSLATIONS = "modulemd-translations"
# Kind of a document -> versions of its format that dnf reads.
FORMATS = {BUILD: ("1", "2"), DEFAULTS: ("1",), OBSOLETES: ("1",), TRANSLATIONS: ("1",)}

# Characters that a YAML document must not contain (YAML 1.1, production 1).
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_MARKER = re.compile(r"^(---|\.\.\.)(?:[ \t]+(.*))?$", re.MULTILINE)
_IGNORED_LINE = re.compile(r"\s*(?:#.*)?|%.*")
_KEY = re.compile(r"([a-z_]+):(?:\s|$)")
_DEEPEST = 100  # Levels of collections, which libyaml reads recursively; real documents have 8.
_DIGITS = re.compile(r"[0-9]+")
# Without these fields, dnf refuses a build.
_REQUIRED = ("name", "stream", "summary", "description", "license")
_USED = ("name", "stream", "version", "context", "arch", "module", "modified", "artifacts")
_KNOWN = {
    *_USED,
    *_REQUIRED,
    *re.findall(
        r"\w+",
        "api buildopts components data demodularized dependencies document eol eol_date filter"
        " intents message obsoleted_by profiles references reset servicelevels static_context"
        " tracker translations xmd",
    ),
}


class ModuleDocument(NamedTuple):
    """One YAML document."""

    kind: str
    name: str
    stream: str
    """Empty for a document of defaults, which contains one as data."""
    version: int
    """The version of a build, or the time of change of another document; the highest is current."""
    context: str
    arch: str
    artifacts: tuple[str, ...]
    """NEVRAs of the packages of a build, with the epoch."""
    text: str
    source: str = ""
    """Name of the source."""

    @property
    def label(self) -> str:
        """The name of the stream: ``name:stream``."""
        return f"{self.name}:{self.stream}"


class ModuleFile(NamedTuple):
    """A modules.yaml."""

    documents: list[ModuleDocument]
    remarks: list[str]
    """Repairs, and the documents that were left out."""


class _Unusable(Exception):
    """dnf cannot read the document, for the reason in the message."""


def parse_modules(data: bytes, source: str, where: str) -> ModuleFile:
    """Parse the modules.yaml of a source; ``where`` names it in remarks."""
    result = ModuleFile([], [])
    text = _decode(data, where, result.remarks)
    for number, part in enumerate(_split(text), 1):
        try:
            result.documents.append(_document(part, source))
        except _Unusable as error:
            result.remarks.append(f"{where}, document {number} was left out: {error}")
    return result


def load_document(document: ModuleDocument) -> dict[str, Any]:
    """Return the whole content of a document; every scalar is text."""
    return _load(document.text)


def _decode(data: bytes, where: str, remarks: list[str]) -> str:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        text = data.decode(encoding)
    except ValueError:
        remarks.append(f"{where}: bytes that are not UTF-8 were replaced")
        text = data.decode(encoding, "replace")
    text, replaced = _FORBIDDEN.subn(
        "\N{REPLACEMENT CHARACTER}", text.removeprefix("\N{BYTE ORDER MARK}")
    )
    if replaced:
        remarks.append(f"{where}: characters that YAML does not allow were replaced")
    return text.replace("\r\n", "\n")


def _split(text: str) -> list[str]:
    """Return the text of each document."""
    parts: list[str] = []
    position = 0
    begin = ""
    for match in _MARKER.finditer(text):
        parts.append(begin + text[position : match.start()])
        position = match.end()
        begin = match.group(2) or "" if match.group(1) == "---" else ""
    parts.append(begin + text[position:])
    return [part.strip("\n") for part in parts if not _is_empty(part)]


def _is_empty(part: str) -> bool:
    """Return whether a part has only comments and directives."""
    return all(_IGNORED_LINE.fullmatch(line) for line in part.split("\n"))


def _document(text: str, source: str) -> ModuleDocument:
    content = _load_used(text)
    data = content.get("data")
    kind = content.get("document")
    if not isinstance(data, dict) or not isinstance(kind, str):
        raise _Unusable("document or data is missing")
    if content.get("version") not in FORMATS.get(kind, ()):
        raise _Unusable(f"dnf does not read {kind!r} in version {content.get('version')!r}")
    if kind == BUILD:
        _check_build(data)
    name = data.get("name" if kind == BUILD else "module")
    if not isinstance(name, str) or not name:
        raise _Unusable("it has no name of a module")
    return ModuleDocument(
        kind=kind,
        name=name,
        stream=_text(data, "stream") if kind != DEFAULTS else "",
        version=_number(data, kind),
        context=_text(data, "context"),
        arch=_text(data, "arch"),
        artifacts=_artifacts(data) if kind == BUILD else (),
        text=text,
        source=source,
    )


def _check_build(data: Mapping[str, Any]) -> None:
    missing = [field for field in _REQUIRED if not data.get(field)]
    if missing:
        raise _Unusable(f"{', '.join(missing)} missing")


def _number(data: Mapping[str, Any], kind: str) -> int:
    """Return the version of a build, or the digits of the time when another document changed."""
    if kind != BUILD:
        return int("".join(_DIGITS.findall(_text(data, "modified")))[:12] or 0)
    version = _text(data, "version") or "0"
    if not re.fullmatch("[0-9]{1,20}", version):
        raise _Unusable(f"the version {version!r} is not a number")
    return int(version)


def _artifacts(data: Mapping[str, Any]) -> tuple[str, ...]:
    artifacts = data.get("artifacts") or {}
    rpms = artifacts.get("rpms") or () if isinstance(artifacts, dict) else None
    if not isinstance(rpms, (list, tuple)) or not all(isinstance(rpm, str) for rpm in rpms):
        raise _Unusable("its artifacts are not a list of packages")
    return tuple(rpms)


def _text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field) or ""
    if not isinstance(value, str):
        raise _Unusable(f"{field} is not a text")
    return value


def _load_used(text: str) -> dict[str, Any]:
    """Return the used content of a document."""
    used = _used_lines(text)
    if used is not None:
        try:
            return _load(used)
        except _Unusable:
            pass  # for example an alias of something in another line
    return _load(text)


def _load(text: str) -> dict[str, Any]:
    import yaml  # here, because most distributions have no modules

    # Scalars stay text, so that the stream 1.10 does not become the number 1.1.  The loader makes
    # lists, mappings and texts only.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        _check_depth(yaml.parse(text, loader))
        content = yaml.load(text, loader)  # nosec B506
    except (yaml.YAMLError, ValueError) as error:
        raise _Unusable(f"not YAML ({getattr(error, 'problem', error)})") from None
    if not isinstance(content, dict):
        raise _Unusable("it is not a mapping")
    return content


def _check_depth(events: Iterable[Any]) -> None:
    """Refuse collections that are nested so deep that libyaml's composer overflows its stack."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > _DEEPEST:
            raise _Unusable(f"its collections are nested deeper than {_DEEPEST}")


def _used_lines(text: str) -> Optional[str]:
    """Return the lines of a document that are used, with a mark in place of the other fields.

    None when a line at the indentation of the fields is not one of them, such as the end of a
    quoted text: then only a parser can tell what it belongs to.
    """
    head, separator, body = text.partition("\ndata:\n")
    if not separator:
        return None  # written in another style
    lines = body.split("\n")
    depth = len(lines[0]) - len(lines[0].lstrip(" "))
    used = [head, "data:"]
    seen: set[tuple[bool, str]] = set()
    is_used = False
    for line in lines:
        indentation = line[:depth]
        if indentation.isspace() or not line:
            if line[depth : depth + 1] not in (" ", "-", "#", ""):
                key = _known_key(line[depth:], seen, nested=True)
                if key is None:
                    return None
                is_used = key in _USED
                if not is_used:
                    used.append(f"{indentation}{key}: x")
        else:
            if _known_key(line, seen, nested=False) is None:
                return None
            is_used = True
        if is_used:
            used.append(line)
    return "\n".join(used)


def _known_key(line: str, seen: set[tuple[bool, str]], *, nested: bool) -> Optional[str]:
    """Return the field that a line begins; None for other text, and for a field that was seen."""
    match = _KEY.match(line)
    if match is None or match.group(1) not in _KNOWN or (nested, match.group(1)) in seen:
        return None
    seen.add((nested, match.group(1)))
    return match.group(1)
