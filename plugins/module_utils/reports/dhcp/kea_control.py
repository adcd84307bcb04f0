# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Control a running Kea over its socket, and query the installed one for its version.

If Kea rejects a configuration, the answer on the socket contains the reason, and Kea keeps the old
one.  A signal would return nothing.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any, Callable, Collection, Mapping, Optional

from ...errors import CommandError, DescriptionError, NotFound, Unavailable
from ..model import Changes, Options, Run
from ..services import Daemon

TIMEOUT_SECONDS = 60.0
DAEMON = "kea-dhcp4"
# Results of a command: its hook library is not loaded; there is no such object.
UNSUPPORTED = 2
NOTHING = 3
# The SQL script in Kea's package that creates its schema, for releases whose daemon does not print
# the version of the schema.
SCHEMA_SCRIPT = "/usr/share/kea/scripts/mysql/dhcpdb_create.mysql"


def send_command(
    path: str,
    name: str,
    arguments: Optional[Mapping[str, Any]] = None,
    *,
    ok: Collection[int] = (0,),
) -> Any:
    """Return Kea's answer to a command; ``ok`` are the accepted results.

    Raises Unavailable if Kea does not answer, CommandError if it rejects the command.
    """
    request = {"command": name, **({"arguments": arguments} if arguments else {})}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.connect(path)
            connection.sendall(json.dumps(request).encode())
            connection.shutdown(socket.SHUT_WR)
            text = b"".join(iter(lambda: connection.recv(65536), b""))
        answer = json.loads(text)
    except OSError as error:
        raise Unavailable(
            f"Kea does not answer ({error.strerror or error})",
            path,
            "start it, or check the option `socket`",
        ) from error
    except ValueError:
        raise Unavailable(f"Kea's answer is not JSON: {text[:80]!r}", path) from None
    if answer.get("result") not in ok:
        raise CommandError(str(answer.get("text", answer)), f"{DAEMON} {name}")
    return answer


class Kea(Daemon):
    """The DHCPv4 server of Kea, controlled over the socket in the option ``socket``."""

    def is_running(self, options: Options, run: Run) -> bool:
        """Return whether it answers on its socket."""
        if options["alive"]:
            return super().is_running(options, run)
        try:
            send_command(options["socket"], "version-get")
        except (Unavailable, CommandError):
            return False
        return True

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        """Make it read its file.  Raises CommandError with the reason if it rejects the file."""
        if options["reload"]:
            super().reload(options, run, changed)
        else:
            send_command(options["socket"], "config-reload")


def delete_stale_leases(path: str, owners: Mapping[str, str]) -> None:
    """Delete the leases of addresses that now belong to another machine.

    Otherwise Kea keeps such an address until its lease ends.  ``owners`` are MAC addresses by IP
    address.
    """
    answer = send_command(path, "lease4-get-all", ok=(0, UNSUPPORTED, NOTHING))
    for lease in answer.get("arguments", {}).get("leases", ()):
        ip = lease["ip-address"]
        if owners.get(ip, lease["hw-address"]) != lease["hw-address"]:
            send_command(path, "lease4-del", {"ip-address": ip}, ok=(0, NOTHING))


KEA = Kea("kea", ("kea-dhcp4-server", "kea-dhcp4", "isc-kea-dhcp4-server"))


def installed_release(run: Run) -> str:
    """Return the release of the installed Kea, such as ``2.2.0``.  Raises CommandError."""
    return str(run([DAEMON, "-v"], timeout=TIMEOUT_SECONDS).stdout.strip())


def required_schema(run: Run, read: Callable[[str], str]) -> str:
    """Return the version of the MySQL schema that the installed Kea requires, such as ``14.0``.

    Kea 2 prints it with its version.  The back end of Kea 3 is a library; the version is in the SQL
    script of its package.  Raises DescriptionError if Kea has no MySQL back end.
    """
    match = re.search(
        r"MySQL backend (\d+\.\d+)", run([DAEMON, "-V"], timeout=TIMEOUT_SECONDS).stdout
    )
    if match:
        return match[1]
    try:
        steps = re.findall(r"SET version = '(\d+)', minor = '(\d+)'", read(SCHEMA_SCRIPT))
    except NotFound:
        steps = []
    if not steps:
        raise DescriptionError(
            "the installed Kea has no MySQL back end",
            DAEMON,
            "install it, or set `source: file` for the report kea",
        )
    return ".".join(steps[-1])
