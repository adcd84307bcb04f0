# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How compiled profiles come into a distribution: another room makes them, from the XML as it will lie in the tree.

That XML is merged from parents and folders; what is said about it names the file that somebody wrote.
"""

from __future__ import annotations

import os
import re
import tempfile
from typing import Callable, Mapping, NamedTuple, Optional, Sequence

from ...errors import RocksError
from ...files import ASIDE_PREFIX
from ..storage.pool import StorePaths


class CompiledProfile(NamedTuple):
    """A profile that is stored in the tree.

    root      the kind of node that it is for
    packages  entry of its %packages -> file:line of each element that asks for it
    """

    root: str
    text: str
    packages: Mapping[str, Sequence[str]]


class CompiledProfiles(NamedTuple):
    """File name -> profile; and what is no fault of the XML, but ought to be looked at, each with file:line."""

    profiles: Mapping[str, CompiledProfile] = {}
    warnings: Sequence[str] = ()


class ProfileHook(NamedTuple):
    """What compiles.

    compile  takes the folder that holds graphs/ and nodes/; it names files by their paths there
    key      what the profiles depend on besides the XML: when both are the same, they are not compiled again
    """

    compile: Callable[[str], CompiledProfiles]
    key: str


def compile_profiles(
    texts: Mapping[str, str],
    original_paths: Mapping[str, str],
    hook: Optional[ProfileHook],
    store: StorePaths,
) -> CompiledProfiles:
    """Have the profiles compiled.

    texts  path below ``build/`` -> text of the XML
    homes  the same paths -> where the file was written, as people are to be told

    Raises what the hook raises, with the files named by their homes.
    """
    if hook is None:
        return CompiledProfiles()
    os.makedirs(store.scratch, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=ASIDE_PREFIX, dir=store.scratch) as folder:
        for path, text in texts.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)

        def home(told: str) -> str:
            return re.sub(
                rf"{re.escape(folder)}/([^\s:]+)",
                lambda found: original_paths.get(found[1], found[1]),
                told,
            )

        try:
            made = hook.compile(folder)
        except RocksError as error:
            raise type(error)(home(error.what), home(error.where), home(error.hint)) from error
    return CompiledProfiles(
        {
            name: one._replace(packages=_places(one.packages, home))
            for name, one in made.profiles.items()
        },
        tuple(map(home, made.warnings)),
    )


def _places(
    packages: Mapping[str, Sequence[str]], home: Callable[[str], str]
) -> dict[str, tuple[str, ...]]:
    return {entry: tuple(map(home, store)) for entry, store in packages.items()}
