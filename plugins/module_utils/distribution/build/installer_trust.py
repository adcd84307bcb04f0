# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide which images of an installer a signature covers.

Vendors sign packages, some sign repomd.xml, and all sign the checksums of their ISO images; none
signs .treeinfo.  So an installer is verified against an ISO image with a signed checksum, against
signed checksums of the images themselves, or against the metadata of a parent that is signed.
"""

from __future__ import annotations

import contextlib
from typing import Mapping, NamedTuple, Optional, Sequence

from ...errors import DescriptionError, NotFound
from ..metadata import treeinfo
from ..model import Source, TreeFile
from ..sources.base import ForeignParent, Input, Parent
from ..sources.iso_image import IsoImage, is_image
from ..sources.local import local_path
from ..sources.signed_checksums import read_signed_checksums
from ..storage.pool import file_digest

HINT = (
    "give installer_checksums, a file that one of its keys has signed, for example of the ISO image"
    " in installer_iso; or set trust_installer: true to publish what the source has"
)


class CheckedImages(NamedTuple):
    """The images of an installer that can be published."""

    images: Sequence[TreeFile]
    """With signed checksums, if signatures are required."""
    remarks: tuple[str, ...] = ()
    """Which images were left out."""


def check_images(source_input: Input, images: Sequence[TreeFile]) -> CheckedImages:
    """Return the images that a signature covers; all of them if none is required.

    Raises DescriptionError if kernel, initial RAM disk or second stage is not covered or differs.
    """
    source = source_input.source
    signed = _signed_checksums(source_input, images)
    if signed is None:
        return CheckedImages(images)
    text, where, _stamp = source_input.installer
    faults = []
    left_out = []
    checked = []
    names = {path: name for name, path in treeinfo.boot_files(text, where).items()}
    for image in images:
        digest = signed.get(image.path, "")
        if digest and image.checksum in ("", digest):
            checked.append(image._replace(checksum=digest))
        elif image.path in names:
            state = "differs from its signed checksum" if digest else "has no signed checksum"
            faults.append(f"the {names[image.path]} ({image.path}) {state}")
        else:
            left_out.append(image.path)
    if faults:
        raise DescriptionError(f"its installer is not trusted: {'; '.join(faults)}", where, HINT)
    if not left_out:
        return CheckedImages(checked)
    remark = (
        f'no signature covers {", ".join(left_out)} of the installer of source "{source.name}";'
        " left out"
    )
    return CheckedImages(checked, (remark,))


def _signed_checksums(
    source_input: Input, images: Sequence[TreeFile]
) -> Optional[Mapping[str, str]]:
    """Return path -> SHA-256 of the images that are signed; None if no signature is required."""
    source = source_input.source
    if not source.gpg_keys or source.trust_installer:
        return None
    if isinstance(source_input, Parent):
        if not isinstance(source_input, ForeignParent):
            return None  # this frontend has built it, by these rules
        if source.repo_gpgcheck:  # the signed repomd.xml covers the index
            return source_input.tree_checksums()
    if not source.installer_checksums:
        return {}
    signed = read_signed_checksums(source.installer_checksums, source.gpg_keys)
    iso = source.installer_iso or _own_image(source)
    return _checksums_in_image(iso, signed, images, source) if iso else signed


def _own_image(source: Source) -> str:
    path = local_path(source)
    return path if path and is_image(path) else ""


def _checksums_in_image(
    path: str, signed: Mapping[str, str], images: Sequence[TreeFile], source: Source
) -> Mapping[str, str]:
    """Return the checksums of the images that an ISO image contains.

    Raises DescriptionError if the checksum of the ISO image is not among the signed ones.
    """
    digest = file_digest(path)
    if digest not in signed.values():
        raise DescriptionError(
            f"its SHA-256 is {digest[:16]}…, which {source.installer_checksums} does not list",
            path,
            "download the image again, and the checksums of the same release",
        )
    image = IsoImage(path)
    checksums = {}
    for file in images:
        with contextlib.suppress(NotFound):
            checksums[file.path] = image.sha256(file.path)
    return checksums
