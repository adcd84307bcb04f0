"""Node files for a test; pykickstart checks the kickstarts compiled from them."""

from __future__ import annotations

import functools
import pathlib
import warnings
from typing import Any, Mapping

from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion, versionMap

from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.profile_store import (
    ProfileLibrary,
    stored_files,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import find_release


def tree(folder: pathlib.Path, files: Mapping[str, str]) -> str:
    """Write a directory of graph and node files (path -> text) and return its path."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "nodes").mkdir(parents=True, exist_ok=True)
    return str(folder)


def single_node_tree(folder: pathlib.Path, *elements: str, graph: str = "") -> str:
    """Write a directory with one node, ``compute``, that contains these elements."""
    return tree(
        folder,
        {
            "graphs/default/default.xml": f"<graph>{graph}</graph>",
            "nodes/compute.xml": "<kickstart>\n" + "\n".join(elements) + "\n</kickstart>\n",
        },
    )


def write_library(library: ProfileLibrary, folder: pathlib.Path) -> list[str]:
    """Store every profile in a folder; return the file names."""
    names = []
    for name, text, _profile in stored_files(library):
        (folder / name).write_text(text)
        names.append(name)
    return names


def parse_strictly(kickstart: str, release: str) -> Any:
    """Parse a kickstart of this release; raise pykickstart's errors and warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handler = makeVersion(versionMap[find_release(release).handler])
        KickstartParser(handler, missingIncludeIsFatal=False).readKickstartFromString(kickstart)
    return handler


def script_bodies(kickstart: str, release: str = "rhel9") -> list[str]:
    """Return the bodies of the scripts as the installer extracts them."""
    handler = _handler(release)
    handler.scripts = []
    KickstartParser(handler, missingIncludeIsFatal=False).readKickstartFromString(kickstart)
    return ["".join(script.script) for script in handler.scripts]


@functools.cache
def _handler(release: str) -> Any:
    return makeVersion(versionMap[find_release(release).handler])  # 50 ms each


# The paper's Figures 2 to 4, as small as they can be.
FIGURE_4 = {
    "graphs/default/base.xml": """<graph roll="base">
<attribute name="timezone" default="Etc/UTC">Time zone.</attribute>
<edge from="compute"><to>base</to><to>mpi</to></edge>
<edge from="mpi" to="c-development"/>
<edge from="frontend"><to>base</to><to>mpi</to><to>dhcp-server</to></edge>
</graph>
""",
    "nodes/compute.xml": "<kickstart/>",
    "nodes/frontend.xml": "<kickstart/>",
    "nodes/base.xml": """<kickstart>
<main>
<url>--url=&install_url;</url>
<timezone>--utc &timezone;</timezone>
<network>--bootproto=dhcp --hostname=&hostname;</network>
<autopart/>
</main>
</kickstart>
""",
    "nodes/mpi.xml": "<kickstart><package>openmpi</package></kickstart>",
    "nodes/c-development.xml": "<kickstart>\n<package>gcc</package>\n</kickstart>",
    "nodes/dhcp-server.xml": "<kickstart><package>dhcp-server</package>\n"
    "<post>\nsystemctl enable dhcpd\n</post></kickstart>",
}
COMPUTE_0_0 = {
    "hostname": "compute-0-0",
    "arch": "x86_64",
    "install_url": "http://10.1.1.1/install/rocks/x86_64",
}
