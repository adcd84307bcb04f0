# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of a generation: the hash of what it holds.

Of packages their checksums, of everything else its bytes; not how they are compressed, nor which losers there were.
So the same content has the same name, and a node that was installed from it needs nothing new.
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
    """The name.

    form       what it is for (architecture, release), how the tree is laid out, who signs it
    shards     shard number -> digest of its packages
    documents  kind -> content: group, modules, updateinfo…
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
