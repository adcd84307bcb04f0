# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A machine of the demonstration: an address of the loopback network that asks the frontend as an installer does.

node.py ADDRESS URL OUTPUT     fetch the kickstart, and check it as the installer of EL 9 would read it
"""

from __future__ import annotations

import http.client
import pathlib
import sys
import warnings
from urllib.parse import urlsplit

from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion


def main(address: str, url: str, output: pathlib.Path) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30, source_address=(address, 0))
    connection.request("GET", "/rocks/kickstart")
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        print(f"{address}: {answer.status} {text.strip()}")
        return 1
    warnings.simplefilter("error")
    KickstartParser(makeVersion("RHEL9"), missingIncludeIsFatal=False).readKickstartFromString(text)
    output.write_text(text)
    print(f"{address}: 200, {len(text):,} bytes, valid for the installer: {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])))
