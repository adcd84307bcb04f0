# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speak with a running Kea over its control socket, and ask the installed one what it is.

The socket answers in words: a configuration that Kea does not take is refused with its reason, and the old one stays.
A signal would tell nothing.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any, Callable, Collection, Mapping, Optional

from ...errors import CommandError, DescriptionError, NotFound, Unavailable
from ..model import Changes, Options, Run
from ..services import Daemon

SECONDS = 60.0
DAEMON = "kea-dhcp4"
UNSUPPORTED, NOTHING = (
    2,
    3,
)  # results: the library of a command is not loaded; it found nothing to work on
# Where Kea's packages keep the SQL that makes its schema, for a release whose daemon does not tell its version.
SCHEMA_SCRIPT = "/usr/share/kea/scripts/mysql/dhcpdb_create.mysql"


def send_command(
    path: str,
    name: str,
    arguments: Optional[Mapping[str, Any]] = None,
    *,
    ok: Collection[int] = (0,),
) -> Any:
    """What Kea answers to a command.  Raises Unavailable when nobody listens, CommandError when it refuses."""
    question = {"command": name, **({"arguments": arguments} if arguments else {})}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(SECONDS)
            link.connect(path)
            link.sendall(json.dumps(question).encode())
            link.shutdown(socket.SHUT_WR)
            text = b"".join(iter(lambda: link.recv(65536), b""))
        answer = json.loads(text)
    except OSError as error:
        raise Unavailable(
            f"Kea does not answer ({error.strerror or error})", path, "is it running?"
        ) from error
    except ValueError:
        raise Unavailable(f"Kea answered {text[:80]!r}", path) from None
    if answer.get("result") not in ok:
        raise CommandError(str(answer.get("text", answer)), f"{DAEMON} {name}")
    return answer


class Kea(Daemon):
    """The DHCPv4 server of Kea; ``socket`` among the options says where it listens."""

    def is_running(self, options: Options, run: Run) -> bool:
        """Whether it answers on its socket."""
        if options["alive"]:
            return super().is_running(options, run)
        try:
            send_command(options["socket"], "version-get")
        except (Unavailable, CommandError):
            return False
        return True

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        """Make it read its file; a refusal comes with its reason."""
        if options["reload"]:
            super().reload(options, run, changed)
        else:
            send_command(options["socket"], "config-reload")


def delete_stale_leases(path: str, owners: Mapping[str, str]) -> None:
    """Make Kea forget the leases of addresses that now belong to another machine; it would not give them away.

    owners  address -> MAC
    """
    answer = send_command(path, "lease4-get-all", ok=(0, UNSUPPORTED, NOTHING))
    for lease in answer.get("arguments", {}).get("leases", ()):
        ip = lease["ip-address"]
        if owners.get(ip, lease["hw-address"]) != lease["hw-address"]:
            send_command(path, "lease4-del", {"ip-address": ip}, ok=(0, NOTHING))


KEA = Kea("kea", ("kea-dhcp4-server", "kea-dhcp4", "isc-kea-dhcp4-server"))


def installed_release(run: Run) -> str:
    """The release of the installed Kea: ``2.2.0``.  Raises CommandError when there is none."""
    return str(run([DAEMON, "-v"], timeout=SECONDS).stdout.strip())


def required_schema(run: Run, read: Callable[[str], str]) -> str:
    """The version of the MySQL schema that the installed Kea demands: ``14.0``.

    Kea 2 tells it with its version; Kea 3, whose back end is a library, has it in the script beside it.
    Raises DescriptionError when Kea was built without the back end.
    """
    told = re.search(r"MySQL backend (\d+\.\d+)", run([DAEMON, "-V"], timeout=SECONDS).stdout)
    if told:
        return told[1]
    try:
        steps = re.findall(r"SET version = '(\d+)', minor = '(\d+)'", read(SCHEMA_SCRIPT))
    except NotFound:
        steps = []
    if not steps:
        raise DescriptionError(
            "the installed Kea has no MySQL back end",
            DAEMON,
            "say `source: file` for the report kea, or install it",
        )
    return ".".join(steps[-1])
