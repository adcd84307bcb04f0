# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interface to the profile compiler, which is another package.

The compiler reads the XML as it will be in the tree, merged from parents and folders.  Its messages
are changed to name the files that an administrator can edit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import tempfile
from typing import Callable, Mapping, Optional, Sequence

from ...errors import RocksError
from ...files import ASIDE_PREFIX
from ..storage.pool import StorePaths
from .xml_overlay import PROFILES_FOLDER, MergedXml


@dataclasses.dataclass(frozen=True)
class CompiledProfile:
    """A profile that is stored in the tree."""

    root: str
    """The graph root that it is compiled from."""
    text: str
    packages: Mapping[str, Sequence[str]]
    """Entry of its %packages section -> file:line of each element that has the entry.

    Also what the installer itself adds, with its reason in place of a file.
    """
    platforms: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    """Kind of machine, such as UEFI -> the packages that the installer adds there."""
    optional_packages: Sequence[str] = ()
    """Packages that the installer adds if the distribution has them."""

    @property
    def sha256(self) -> str:
        """The hash of the text, by which orders name the profile."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class CompiledProfiles:
    profiles: Mapping[str, CompiledProfile] = dataclasses.field(default_factory=dict)
    """File name -> profile."""
    warnings: Sequence[str] = ()
    """Warnings about the XML, each with file and line."""

    @property
    def texts(self) -> dict[str, str]:
        """Path below ``build/`` -> text."""
        return {
            f"{PROFILES_FOLDER}/{name}": profile.text for name, profile in self.profiles.items()
        }


@dataclasses.dataclass(frozen=True)
class ProfileHook:
    compile: Callable[[str], CompiledProfiles]
    """Takes a folder with graphs/ and nodes/, and names files by their paths there."""
    key: str
    """Every input of the compiler except the XML.  Equal XML and key: nothing is compiled again."""


def compile_profiles(
    xml: MergedXml, hook: Optional[ProfileHook], store: StorePaths
) -> CompiledProfiles:
    """Write the XML to a temporary folder and run the hook on it.

    Raises the errors of the hook, with the files named by their original paths.
    """
    if hook is None:
        return CompiledProfiles()
    os.makedirs(store.scratch, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=ASIDE_PREFIX, dir=store.scratch) as folder:
        for path, text in xml.texts.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)
        temporary_path = re.compile(rf"{re.escape(folder)}/([^\s:]+)")

        def restore_paths(message: str) -> str:
            return temporary_path.sub(
                lambda match: xml.original_paths.get(match[1], match[1]), message
            )

        try:
            compiled = hook.compile(folder)
        except RocksError as error:
            raise type(error)(
                restore_paths(error.what), restore_paths(error.where), restore_paths(error.hint)
            ) from error
    return CompiledProfiles(
        profiles={
            name: dataclasses.replace(
                profile,
                packages={
                    entry: tuple(map(restore_paths, locations))
                    for entry, locations in profile.packages.items()
                },
            )
            for name, profile in compiled.profiles.items()
        },
        warnings=tuple(map(restore_paths, compiled.warnings)),
    )
