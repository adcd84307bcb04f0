# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report for Kea: detection of the installed daemon, its views, and the check of its file."""

from __future__ import annotations

import configparser
import os
import pathlib
import pwd
import stat

from ... import process
from ...cluster.database import Database
from ...errors import DescriptionError, NotFound, Refused
from ...files import read_text
from ..model import Options, Report, Run, Site, Snapshot, StagedFiles
from . import dhcp_intent, kea, kea_control, kea_views

CHECK_SECONDS = 120.0
HOOKS = (
    "usr/lib/*/kea/hooks",
    "usr/lib64/kea/hooks",
    "usr/lib/kea/hooks",
    "usr/local/lib/kea/hooks",
)
USERS = ("_kea", "kea")  # on Debian, on Red Hat
ANY_HOST = "%"


def complete_options(options: Options, run: Run) -> Options:
    """Detect the release of Kea, its socket, its hook libraries and its user.

    Raises CommandError if Kea is not installed, and the errors of ``_hooks`` and ``_password``.
    """
    release = options["release"] or kea_control.installed_release(run)
    completed = {
        **options,
        "release": release,
        "socket": options["socket"] or kea.SOCKET,
        "account": options["account"] or next(filter(_is_user, USERS), USERS[0]),
        "hooks": options["hooks"] or _hooks(),
    }
    if options["credentials"]:
        completed["password"] = _password(options["credentials"])
    return completed


def prepare_database(database: Database, site: Site, dry_run: bool) -> bool:
    """Create the views if Kea reads them; return whether anything was, or would be, changed."""
    if "view" not in kea.source_of(site):
        return False
    options = site.options
    schema = options["schema"] or kea_control.required_schema(process.run, read_text)
    host = ANY_HOST if site.database.host else kea_views.LOCAL
    view = kea_views.ViewSettings(
        name=options["view"], schema=schema, account=options["account"], host=host
    )
    return kea_views.install_views(database, view, dry_run=dry_run)


def check(staged: StagedFiles, site: Site) -> None:
    """Let Kea read the file as it does when it starts."""
    staged.run(
        [kea_control.DAEMON, "-t", staged.files[site.options["path"]]], timeout=CHECK_SECONDS
    )


def drop_stale_state(snapshot: Snapshot, site: Site) -> None:
    """Delete the leases of addresses that now belong to another machine."""
    owners = {address.ip: address.mac for address in snapshot.addresses if address.mac}
    kea_control.delete_stale_leases(site.options["socket"], owners)


def _hooks() -> str:
    """Return the folder of Kea's hook libraries.  Raises NotFound."""
    for pattern in HOOKS:
        for path in sorted(pathlib.Path("/").glob(f"{pattern}/{kea.LEASE_COMMANDS}")):
            return str(path.parent)
    raise NotFound(
        f"{kea.LEASE_COMMANDS} not found",
        f"/{HOOKS[0]}",
        "install Kea's hook libraries (on Enterprise Linux: kea-hooks), or set the option `hooks`",
    )


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _password(path: str) -> str:
    """Return the password in the section ``[client]`` of a MySQL option file.

    Raises Refused if every user can read the file, DescriptionError if it contains no password.
    """
    text = read_text(path)
    if os.stat(path).st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Refused("every user can access this file of passwords", path, "run chmod o= on it")
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text, path)
        password = parser.get("client", "password", fallback="") or ""
    except configparser.Error as error:
        raise DescriptionError(
            f"not an option file ({error.message.splitlines()[0]})", path
        ) from None
    if not password:
        raise DescriptionError(
            "no password found", path, "add `password = …` to the section [client]"
        )
    return password.strip("'\"")


REPORT = Report(
    name="kea",
    summary="DHCP by Kea",
    options=kea.OPTIONS,
    render=kea.render,
    check=check,
    serves_machines=True,
    left_out=dhcp_intent.left_out,
    service=kea_control.KEA,
    complete_options=complete_options,
    prepare_database=prepare_database,
    drop_stale_state=drop_stale_state,
)
