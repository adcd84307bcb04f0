# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates of the cluster's own authority, in the form in which a kickstart contains them.

There are two while the authority is replaced: the old one and the new one.
"""

from __future__ import annotations

import base64
import functools
import re
import ssl

from ..errors import DescriptionError
from ..files import read_text

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n?")


@functools.lru_cache(maxsize=4)
def base64_certificate(path: str) -> str:
    """Return the certificates of a PEM file, one after the other in DER, as one line of Base64.

    It is "" when ``path`` is empty. Raises NotFound, or DescriptionError when the file contains
    anything else than certificates.
    """
    if not path:
        return ""
    text = read_text(path)
    blocks = CERTIFICATE.findall(text)
    try:
        if not blocks or CERTIFICATE.sub("", text).strip():
            raise ValueError("a line is not part of a certificate")
        certificates = b"".join(map(ssl.PEM_cert_to_DER_cert, blocks))
        ssl.create_default_context(cadata=certificates)
    except ValueError as error:  # also ssl.SSLError
        raise DescriptionError(
            f"not a certificate ({error})", path, "the file must contain only certificates, as PEM"
        ) from None
    return base64.b64encode(certificates).decode()
