# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report for Kea: what the installed daemon is, the views that it reads, and the check of its file."""

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
from . import kea, kea_control, kea_views

CHECK_SECONDS = 120.0
HOOKS = (
    "usr/lib/*/kea/hooks",
    "usr/lib64/kea/hooks",
    "usr/lib/kea/hooks",
    "usr/local/lib/kea/hooks",
)
USERS = ("_kea", "kea")  # Debian's, Red Hat's
ANYWHERE = "%"


def complete_options(options: Options, run: Run) -> Options:
    """What only this machine can say: the release of Kea, its socket, the user that it runs as."""
    release = options["release"] or kea_control.installed_release(run)
    found = {
        **options,
        "release": release,
        "socket": options["socket"] or kea.syntax_of(release).socket,
        "account": options["account"] or next(filter(_is_user, USERS), USERS[0]),
        "hooks": options["hooks"] or _hooks(),
    }
    return (
        {**found, "password": _password(options["credentials"])}
        if options["credentials"]
        else found
    )


def prepare_database(database: Database, site: Site, dry_run: bool) -> bool:
    """Make the views, where Kea reads them."""
    if "view" not in kea.source_of(site):
        return False
    options = site.options
    schema = options["schema"] or kea_control.required_schema(process.run, read_text)
    host = ANYWHERE if site.database.host else kea_views.LOCAL
    view = kea_views.ViewSettings(options["view"], schema, options["account"], host)
    return kea_views.install_views(database, view, dry_run=dry_run)


def check(staged: StagedFiles, site: Site) -> None:
    """Kea reads the file as it would at its start."""
    staged.run(
        [kea_control.DAEMON, "-t", staged.files[site.options["path"]]], timeout=CHECK_SECONDS
    )


def drop_stale_state(snapshot: Snapshot, site: Site) -> None:
    """Make Kea forget leases of addresses that now belong to another machine."""
    kea_control.delete_stale_leases(
        site.options["socket"], {one.ip: one.mac for one in snapshot.addresses if one.mac}
    )


def _hooks() -> str:
    """The folder that holds Kea's hook libraries.  Raises NotFound."""
    for pattern in HOOKS:
        for path in sorted(pathlib.Path("/").glob(f"{pattern}/{kea.LEASE_COMMANDS}")):
            return str(path.parent)
    raise NotFound(
        f"no {kea.LEASE_COMMANDS}",
        f"/{HOOKS[0]}",
        "the option `hooks` says where Kea's libraries are",
    )


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _password(path: str) -> str:
    """The password of the ``[client]`` in a MySQL option file that only its owner and group may read."""
    text = read_text(path)
    if os.stat(path).st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise Refused("everyone may read this file of passwords", path, "chmod o= it")
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text, path)
        found = parser.get("client", "password", fallback="") or ""
    except configparser.Error as error:
        raise DescriptionError(
            f"not an option file ({error.message.splitlines()[0]})", path
        ) from None
    if not found:
        raise DescriptionError("holds no password", path, "a line `password = …` under [client]")
    return found.strip("'\"")


REPORT = Report(
    "kea",
    "DHCP by Kea",
    kea.OPTIONS,
    kea.render,
    check,
    kea_control.KEA,
    complete_options=complete_options,
    prepare_database=prepare_database,
    drop_stale_state=drop_stale_state,
)
