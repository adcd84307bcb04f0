# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read a kickstart as anaconda does: first the %pre scripts, then the file and the files that these
wrote.
"""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

from pykickstart.errors import KickstartError, KickstartParseError
from pykickstart.parser import KickstartParser, NullSection, PreScriptSection, Script
from pykickstart.version import makeVersion

from . import commands
from .model import InstallError

BUILDSTAMP = pathlib.Path("/.buildstamp")
OTHER_SECTIONS = (
    "%pre-install",
    "%post",
    "%onerror",
    "%traceback",
    "%packages",
    "%addon",
    "%anaconda",
    "%certificate",
)


def release(buildstamp: pathlib.Path = BUILDSTAMP) -> int:
    """Return the major release of this installer, from its initrd."""
    for line in buildstamp.read_text().splitlines():
        if line.startswith("Version="):
            return int(line.partition("=")[2].split(".")[0])
    raise InstallError(f"{buildstamp}: Version is missing")


def pre_scripts(path: pathlib.Path, major: int) -> list[Script]:
    """Return the %pre scripts; the rest of the file is not read, not even its syntax."""
    handler = makeVersion(f"RHEL{major}")
    _read(_PreParser(handler, missingIncludeIsFatal=False), path)
    return list(handler.scripts)


def read(path: pathlib.Path, major: int) -> tuple[Any, list[str]]:
    """Read the file and its includes; return pykickstart's handler and its warnings."""
    handler = makeVersion(f"RHEL{major}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _read(_StrictParser(handler, major), path)
    return handler, [str(warning.message) for warning in caught]


def _read(parser: KickstartParser, path: pathlib.Path) -> None:
    try:
        parser.readKickstart(str(path))
    except KickstartError as error:
        raise InstallError(f"The kickstart file is not accepted: {error}") from error


class _PreParser(KickstartParser):
    """Reads only %pre."""

    def setupSections(self) -> None:
        self._sections: dict[str, Any] = {}
        self.registerSection(PreScriptSection(self.handler, dataObj=Script))
        for name in OTHER_SECTIONS:
            self.registerSection(NullSection(self.handler, sectionOpen=name))

    def handleCommand(self, lineno: int, args: list[str]) -> None:
        pass


class _StrictParser(KickstartParser):
    """Rejects unsupported commands and sections."""

    def __init__(self, handler: Any, major: int) -> None:
        self.major = major
        super().__init__(handler)

    def setupSections(self) -> None:
        super().setupSections()
        for name, since in commands.SECTIONS_SINCE.items():
            if self.major < since:
                del self._sections[name]

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        objection = commands.objection(args)
        if objection:
            raise KickstartParseError(objection, lineno=lineno)
        return super().handleCommand(lineno, args)
