# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the compiled profiles of published generations (contract C4) once; they never change."""

from __future__ import annotations

import functools
import hashlib
import os
from typing import Mapping

from ..errors import DescriptionError
from ..files import read_bytes
from ..install.model import Pin
from ..profile.model import Profile
from ..profile.output import render
from ..profile.output.package_list import package_list_digest
from ..profile.output.serialization import deserialize
from ..tree_paths import generation_folder, profile_ending, profiles_folder

MAX_PROFILES = 64


class ProfileCache:
    """The profiles in the trees below the folder ``distributions``, by the pin of an order."""

    def __init__(self, distributions: str) -> None:
        self._distributions = distributions
        self.load = functools.lru_cache(maxsize=MAX_PROFILES)(self._load)
        self.packages = functools.lru_cache(maxsize=MAX_PROFILES)(self._packages)

    def _load(self, pin: Pin) -> Profile:
        """Return the profile of an order.

        Raises DescriptionError when its generation was removed or edited.
        """
        folder = profiles_folder(pinned_generation_folder(self._distributions, pin))
        path = _profile_path(folder, pin.profile)
        data = read_bytes(path)
        if hashlib.sha256(data).hexdigest() != pin.profile:
            raise DescriptionError(
                f"the content is not that of the profile {pin.profile}",
                path,
                "the file was edited: build the generation again",
            )
        return deserialize(data.decode(), path)

    def _packages(self, pin: Pin) -> str:
        """Return the SHA-256 of the packages that the profile of an order installs.

        Empty if the generation was built before such lists existed, or was removed.
        """
        folder = profiles_folder(pinned_generation_folder(self._distributions, pin))
        return package_list_digest(folder, pin.profile)

    def kickstart(self, pin: Pin, values: Mapping[str, str]) -> str:
        """Return the kickstart of a node.

        Raises DescriptionError or Conflict when the values do not fit the profile.
        """
        return render.render(self.load(pin), values)

    def kickstart_with_origins(
        self, pin: Pin, values: Mapping[str, str]
    ) -> list[render.RenderedLine]:
        """Return the same kickstart line by line, with the source file and line of each."""
        return render.render_with_origins(self.load(pin), values)


def pinned_generation_folder(distributions: str, pin: Pin) -> str:
    """Return the folder of the pinned generation."""
    return generation_folder(distributions, pin.distribution, pin.arch, pin.generation)


def _profile_path(folder: str, profile: str) -> str:
    """Return the file in ``folder`` whose name ends with this SHA-256."""
    ending = profile_ending(profile)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(ending)]
    except OSError as error:
        raise DescriptionError(
            f"the generation was removed ({error.strerror})", folder, "order the node again"
        ) from None
    if not names:
        raise DescriptionError(
            f"profile {profile} not found",
            folder,
            "build the distribution again, then order the node again",
        )
    return os.path.join(folder, names[0])
