# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write module documents as modulemd writes them."""

from __future__ import annotations


def build(
    stream: str,
    version: int,
    *rpms: str,
    name: str = "nginx",
    context: str = "9",
    arch: str = "x86_64",
) -> str:
    """Return a build of a module stream; its profile ``common`` installs the package ``name``."""
    artifacts = "".join(f"    - {rpm}\n" for rpm in rpms)
    return f"""---
document: modulemd
version: 2
data:
  name: {name}
  stream: "{stream}"
  version: {version}
  context: {context}
  arch: {arch}
  summary: a summary
  description: >-
    Some lines, one of which says
    version: 1
  license:
    module:
    - MIT
  dependencies:
  - requires:
      platform: [el9]
  profiles:
    common:
      rpms:
      - {name}
  artifacts:
    rpms:
{artifacts}...
"""


def defaults(
    stream: str, name: str = "nginx", modified: int = 202001242140, profile: str = ""
) -> str:
    """Return the defaults of a module; profile: the default profile of the stream."""
    profiles = f'  profiles:\n    "{stream}": [{profile}]\n' if profile else ""
    return f"""---
document: modulemd-defaults
version: 1
data:
  module: {name}
  modified: {modified}
  stream: "{stream}"
{profiles}...
"""


def obsoletes(stream: str, modified: str, message: str = "end of life", name: str = "nginx") -> str:
    """Return a document that declares a stream obsolete; modified: ``2020-05-01T00:00Z``."""
    return f"""---
document: modulemd-obsoletes
version: 1
data:
  modified: {modified}
  module: {name}
  stream: "{stream}"
  message: "{message}"
...
"""
