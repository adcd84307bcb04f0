# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of a generation: a hash of its content.

Packages count by their checksums, and everything else by its bytes before compression.  The
candidates that were not chosen do not count.  Equal content therefore has one name, and a node that
was installed from it does not need to be reinstalled.
"""

from __future__ import annotations

import hashlib
import json
from typing import Mapping

DIGITS = 16
VERSION = 1


def generation_identity(
    form: Mapping[str, str],
    *,
    shards: Mapping[int, str],
    documents: Mapping[str, bytes],
    files: Mapping[str, str],
) -> str:
    """Return the name of a generation: 16 hexadecimal digits.

    form       architecture, release, layout, signer and further properties of the tree
    shards     shard number -> digest of its packages
    documents  kind -> content: group, modules, updateinfo, …
    files      path -> SHA-256 of everything else in the tree
    """
    content = {
        "version": VERSION,
        "form": dict(form),
        "shards": {str(number): digest for number, digest in shards.items()},
        "documents": {
            kind: hashlib.sha256(data).hexdigest() for kind, data in documents.items() if data
        },
        "files": dict(files),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGITS]
