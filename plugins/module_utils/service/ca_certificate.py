# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate of the cluster's own authority, in the form in which a kickstart contains it."""

from __future__ import annotations

import base64
import functools
import ssl

from ..errors import DescriptionError
from ..files import read_text


@functools.lru_cache(maxsize=4)
def base64_certificate(path: str) -> str:
    """Return the content of a PEM file as one line of Base64; "" when ``path`` is empty.

    Raises NotFound, or DescriptionError when the file is not a certificate.
    """
    if not path:
        return ""
    try:
        return base64.b64encode(ssl.PEM_cert_to_DER_cert(read_text(path).strip())).decode()
    except ValueError as error:
        raise DescriptionError(
            f"not a certificate ({error})", path, "the file must contain one certificate, as PEM"
        ) from None
