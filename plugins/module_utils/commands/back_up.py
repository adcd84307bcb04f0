# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Back up what makes a machine the frontend, with its secrets, for playbooks/restore.yml.

Then remove old rows of the audit and of installations' events.

    back-up --folder FOLDER --keep NUMBER [PATTERN...]

The archive contains a dump of the database and all files that match the patterns.
"""

from __future__ import annotations

import argparse
import datetime
import io
import os
import pathlib
import sys
import tarfile
from typing import Sequence

from .. import settings
from ..cluster.database import connect
from ..cluster.dump import dump_database
from ..errors import RocksError
from ..files import replace
from ..install import timestamps
from ..install.history_limits import prune_history

DUMP = "cluster.dump"


def archive(patterns: Sequence[str]) -> bytes:
    """Return a gzipped tar archive: the dump, and the files under their paths without the slash."""
    with connect(settings.load().database) as database:
        dump = dump_database(database, secrets=True).encode()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo(DUMP)
        entry.size = len(dump)
        entry.mode = 0o600
        tar.addfile(entry, io.BytesIO(dump))
        for pattern in patterns:
            for path in sorted(pathlib.Path("/").glob(pattern.lstrip("/"))):
                tar.add(path, arcname=str(path.relative_to("/")))
    return content.getvalue()


def main(argv: Sequence[str]) -> int:
    """Write today's backup and remove the oldest; return 1 after printing an error."""
    parser = argparse.ArgumentParser(prog="back-up", description="Back up the frontend.")
    parser.add_argument("--folder", required=True, help="where backups are kept")
    parser.add_argument("--keep", required=True, type=int, help="number of backups to keep")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="files to include")
    options = parser.parse_args(argv)
    today = datetime.date.today().isoformat()
    try:
        content = archive(options.patterns)
        replace(os.path.join(options.folder, f"rocks-{today}.tar.gz"), content, 0o600)
        with connect(settings.load().database) as database:
            prune_history(database, now=timestamps.now())
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    backups = sorted(pathlib.Path(options.folder).glob("rocks-*.tar.gz"))
    for path in backups[: -options.keep]:
        path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
