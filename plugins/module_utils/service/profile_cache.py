# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The compiled profiles of published generations (contract C4): read once, kept, since they never change."""

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
from ..profile.output.serialization import deserialize
from ..tree_paths import generation_folder, profile_ending, profiles_folder

KEPT = 64


class Profiles:
    """Profiles by the pin of an order.

    distributions  the folder of the distributions' trees
    """

    def __init__(self, distributions: str) -> None:
        self._distributions = distributions
        self.load = functools.lru_cache(maxsize=KEPT)(self._load)

    def _load(self, pin: Pin) -> Profile:
        """The profile of an order.  Raises DescriptionError when its generation was removed, or was changed."""
        path = _path(profiles_folder(generation_path(self._distributions, pin)), pin.profile)
        data = read_bytes(path)
        if hashlib.sha256(data).hexdigest() != pin.profile:
            raise DescriptionError(
                f"this is not the profile {pin.profile}",
                path,
                "a generation is never edited: build it again",
            )
        return deserialize(data.decode(), path)

    def kickstart(self, pin: Pin, values: Mapping[str, str]) -> str:
        """The kickstart of a node.  Raises DescriptionError or Conflict when the values do not fit."""
        return render.render(self.load(pin), values)

    def provenance(self, pin: Pin, values: Mapping[str, str]) -> list[render.RenderedLine]:
        """The same kickstart, line by line, with the file and line behind each."""
        return render.render_with_origins(self.load(pin), values)


def generation_path(distributions: str, pin: Pin) -> str:
    """The folder of the pinned generation."""
    return generation_folder(distributions, pin.distribution, pin.arch, pin.generation)


def _path(folder: str, profile: str) -> str:
    """The file in ``folder`` that is named by this SHA-256."""
    ending = profile_ending(profile)
    try:
        names = [name for name in os.listdir(folder) if name.endswith(ending)]
    except OSError as error:
        what = f"the generation is not there ({error.strerror})"
        raise DescriptionError(what, folder, "it was removed: order the node again") from None
    if not names:
        raise DescriptionError(
            f"no profile {profile}", folder, "build the distribution again, order the node again"
        )
    return os.path.join(folder, names[0])
