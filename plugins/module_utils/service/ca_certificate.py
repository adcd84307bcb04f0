# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate of the cluster's own authority, as nodes are given it with their kickstart."""

from __future__ import annotations

import base64
import functools
import ssl

from ..errors import DescriptionError
from ..files import read_text


@functools.lru_cache(maxsize=4)
def in_one_line(path: str) -> str:
    """What stands between the first and the last line of a PEM file, in one; "" without a path.

    Raises NotFound, or DescriptionError for what is no certificate.
    """
    if not path:
        return ""
    try:
        return base64.b64encode(ssl.PEM_cert_to_DER_cert(read_text(path).strip())).decode()
    except ValueError as error:
        raise DescriptionError(
            f"no certificate ({error})", path, "PEM is expected, and one certificate"
        ) from None
