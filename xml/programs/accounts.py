# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Synchronize a node's users and groups with the frontend, which publishes them as a signed bundle.

    accounts.py pull        fetch and apply the bundle once
    accounts.py follow      fetch it now, periodically, and after a hint from the frontend
    accounts.py apply FILE  apply a bundle from a file once, for example from a backup

Exit status of pull: 0 the node has the newest accounts; 4 the bundle was refused, and nothing was
changed; 5 no answer from the frontend.

account_merge.py contains the rules for the contents of the files. A bundle needs the frontend's
signature, a higher version than the last one, and at least the version that the install order
carried (etc/rocks/accounts.version), because a reinstalled node has forgotten the last one.

passwd, group, shadow and gshadow are changed under the lock of useradd and similar tools
(lckpwdf(3)), each with one rename, in an order in which every user in passwd has a row in shadow
and a group. The bundle is stored before the first file is changed, so that the next start completes
an interrupted change.

Standard library of Python 3.6, because every EL 8 has it, and the openssl command.
"""

import argparse
import base64
import errno
import fcntl
import http.client
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import time
from typing import Dict, Optional, Tuple
from urllib.parse import urlsplit

from account_merge import (
    EMPTY_BUNDLE,
    FILES,
    Bundle,
    BundleRefused,
    Files,
    MergedFiles,
    merge,
    read_bundle,
)

PATH = "/rocks/accounts"
LOW_PORTS = (600, 1023)
BIND_TRIES = 30
NET_SECONDS = 10.0
LOCK_SECONDS = 15.0
LARGEST_BUNDLE = 32 << 20
INTERVAL = 50.0
SPREAD = 1.0
PORT = 8411
REFUSED_STATUS = 4
NO_ANSWER_STATUS = 5

MARK = b"rocks-accounts"
LABELS = ("security.selinux", "system.posix_acl_access")

FileStamp = Tuple[int, int, int]
"""Inode, size in bytes, and modification time in nanoseconds."""


class NoAnswer(Exception):
    """The frontend did not send a bundle, or the node's files are locked."""


# ---- the bundle


def open_bundle(data: bytes, key: str) -> Bundle:
    """Check the signature of a bundle and parse it. Raises BundleRefused."""
    first, _newline, text = data.partition(b"\n")
    words = first.split(b" ")
    if len(words) != 2 or words[0] != MARK:
        raise BundleRefused("the answer of the frontend is not a bundle of accounts")
    try:
        signature = base64.b64decode(words[1], validate=True)
    except ValueError:
        raise BundleRefused("the bundle's signature cannot be read") from None
    verify(text, signature, key)
    return read_bundle(text)


def verify(text: bytes, signature: bytes, key: str) -> None:
    """Verify a signature with openssl. Raises BundleRefused."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", key, "-signature", file.name]
        process = subprocess.run(
            command, check=False, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    if process.returncode != 0:
        output = process.stdout.decode("utf-8", "replace").strip()
        raise BundleRefused(
            "the bundle is not signed with the frontend's key %s (%s)" % (key, output)
        )


# ---- the node


class Node:
    """This machine: its account files, and the bundle that they were made from."""

    def __init__(self, root: str, key: str) -> None:
        self.etc = os.path.join(root, "etc")
        self.state = os.path.join(root, "var/lib/rocks/accounts")
        self.key = key
        self.current: Optional[Bundle] = None
        self.last_stamps: Dict[str, FileStamp] = {}

    def load(self) -> Bundle:
        """Load the stored bundle on the first call, and complete an interrupted change."""
        if self.current is None:
            os.makedirs(self.state, 0o700, exist_ok=True)
            self.current = self.stored_bundle("current")
            interrupted = self.stored_bundle("next")
            if interrupted.version > self.current.version:
                self.change(interrupted)
        return self.current

    def stored_bundle(self, name: str) -> Bundle:
        """Return a stored bundle, or an empty one if it is missing or not signed with this key."""
        try:
            with open(os.path.join(self.state, name), "rb") as file:
                return open_bundle(file.read(), self.key)
        except FileNotFoundError:
            return EMPTY_BUNDLE
        except BundleRefused as error:
            print("the stored bundle: %s" % error, file=sys.stderr)
            return EMPTY_BUNDLE

    def accept(self, data: bytes) -> bool:
        """Apply a bundle; False if the node has it already. Raises BundleRefused."""
        current = self.load()
        bundle = open_bundle(data, self.key)
        if bundle == current:
            return False
        if bundle.version <= current.version:
            raise BundleRefused(
                "the bundle's version is %d, but the node has version %d"
                % (bundle.version, current.version)
            )
        least = self.least_version()
        if bundle.version < least:
            raise BundleRefused(
                "the bundle's version is %d, but the install order requires at least %d"
                % (bundle.version, least)
            )
        replace_file(os.path.join(self.state, "next"), data)
        self.change(bundle)
        return True

    def least_version(self) -> int:
        """Return the least version by the install order; 0 without one. Raises BundleRefused."""
        path = os.path.join(self.etc, "rocks/accounts.version")
        try:
            with open(path, "rb") as file:
                return int(file.read(64))
        except FileNotFoundError:
            return 0
        except ValueError:
            raise BundleRefused("%s does not contain a version" % path) from None

    def change(self, bundle: Bundle) -> None:
        self.apply(bundle)
        os.rename(os.path.join(self.state, "next"), os.path.join(self.state, "current"))
        sync_folder(self.state)
        self.current = bundle

    def restore(self) -> bool:
        """Undo manual changes of the bundle's accounts, and return whether there were any."""
        current = self.load()
        if current == EMPTY_BUNDLE or self.stamps() == self.last_stamps:
            return False
        return self.apply(current)

    def apply(self, bundle: Bundle) -> bool:
        """Merge the bundle into the files, under their lock; return whether a file changed."""
        with open(os.path.join(self.etc, ".pwd.lock"), "ab") as lock:
            os.fchmod(lock.fileno(), 0o600)
            lock_accounts(lock.fileno())
            names = [name for name in FILES if name != "gshadow" or name in self.stamps()]
            files = {name: self.read(name) for name in names}
            merged = merge(files, bundle, self.current or EMPTY_BUNDLE)
            changed = self.write(files, merged)
            self.last_stamps = self.stamps()
        if merged.left_out:
            print(
                "left out, because the node has its own: %s" % ", ".join(merged.left_out),
                file=sys.stderr,
            )
        return changed

    def write(self, files: Files, merged: MergedFiles) -> bool:
        """Write the files that differ; return whether there were any.

        The order is: new rows that users refer to, users, then the removal of rows that no user
        refers to.
        """
        referenced = [name for name in ("shadow", "gshadow", "group") if name in files]
        steps = [(name, merged.between) for name in referenced + ["passwd"]]
        steps += [(name, merged.final) for name in reversed(referenced)]
        contents = dict(files)
        changed = False
        for name, new in steps:
            if contents[name] != new[name]:
                data = new[name].encode("utf-8", "surrogateescape")
                replace_file(os.path.join(self.etc, name), data)
                contents[name] = new[name]
                changed = True
        return changed

    def read(self, name: str) -> str:
        with open(os.path.join(self.etc, name), "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")

    def stamps(self) -> Dict[str, FileStamp]:
        """Return inode, size and time of each file, which differ after a change."""
        stamps = {}
        for name in FILES:
            if os.path.exists(os.path.join(self.etc, name)):
                state = os.stat(os.path.join(self.etc, name))
                stamps[name] = (state.st_ino, state.st_size, state.st_mtime_ns)
        return stamps


def lock_accounts(descriptor: int) -> None:
    """Take the lock with the method and the time limit of lckpwdf(3). Raises NoAnswer."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() >= deadline:
                raise NoAnswer(
                    "another program has locked the node's accounts for %d s" % LOCK_SECONDS
                ) from None
            time.sleep(0.1)  # lockf has no time limit of its own


def replace_file(path: str, data: bytes) -> None:
    """Replace a file with one rename; its owner, permissions and security label remain."""
    new_path = path + ".rocks-new"
    descriptor = os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        if os.path.exists(path):
            copy_metadata(path, descriptor)
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(new_path, path)
    sync_folder(os.path.dirname(path))


def copy_metadata(path: str, descriptor: int) -> None:
    """Copy owner, permissions and labels of a file to an open one."""
    state = os.stat(path)
    os.fchown(descriptor, state.st_uid, state.st_gid)
    os.fchmod(descriptor, state.st_mode & 0o7777)
    for name in set(LABELS).intersection(os.listxattr(path)):
        os.setxattr(descriptor, name, os.getxattr(path, name))


def sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- the frontend


def fetch(url: str, tag: str) -> Tuple[Optional[bytes], str]:
    """Fetch the bundle and its tag; None instead of the bundle if ``tag`` is still its tag.

    The source port is privileged, which users of the node cannot bind, because the bundle contains
    passwords. Raises NoAnswer.
    """
    try:
        connection = connect(url)
        try:
            connection.request("GET", PATH, headers={"If-None-Match": tag} if tag else {})
            response = connection.getresponse()
            body = response.read(LARGEST_BUNDLE + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer("%s: %s" % (url, error or type(error).__name__)) from error
    if response.status == 304:
        return None, tag
    if response.status != 200 or len(body) > LARGEST_BUNDLE:
        raise NoAnswer("%s%s: status %d, %d bytes" % (url, PATH, response.status, len(body)))
    return body, response.getheader("ETag", "")


def connect(url: str) -> http.client.HTTPConnection:
    """Connect from a privileged port. Raises OSError."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    for source in random.sample(range(LOW_PORTS[0], LOW_PORTS[1] + 1), BIND_TRIES):
        connection = kind(
            parts.hostname or "", parts.port, timeout=NET_SECONDS, source_address=("", source)
        )
        try:
            connection.connect()
            return connection
        except OSError as error:
            connection.close()
            # Another connection has this port.
            if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                raise
    raise OSError("no privileged port is free")


class Follower:
    """Fetches the bundle repeatedly, and remembers the tag of the last one."""

    def __init__(self, node: Node, url: str) -> None:
        self.node = node
        self.url = url
        self.tag = ""
        self.last_error = ""

    @property
    def version(self) -> int:
        return (self.node.current or EMPTY_BUNDLE).version

    def pull(self) -> int:
        """Fetch and apply a new bundle, and return the exit status.

        Changes are printed, and a repeated error only once.
        """
        try:
            self.node.load()
            body, tag = fetch(self.url, self.tag)
            changed = body is not None and self.node.accept(body)
            restored = not changed and self.node.restore()
        except (BundleRefused, NoAnswer, OSError) as error:
            if str(error) != self.last_error:
                print(error, file=sys.stderr)
            self.last_error = str(error)
            return REFUSED_STATUS if isinstance(error, BundleRefused) else NO_ANSWER_STATUS
        self.tag = tag  # only now, so that a refused bundle is fetched again
        self.last_error = ""
        if changed or restored:
            current = self.node.load()
            print(
                "%s version %d: %d users, %d groups"
                % (
                    "restored" if restored else "applied",
                    current.version,
                    len(current.rows["passwd"]),
                    len(current.rows["group"]),
                ),
                flush=True,
            )
        return 0


def follow(follower: Follower, port: int, interval: float, spread: float) -> None:
    """Pull every ``interval`` seconds, and up to ``spread`` seconds after a hint; never returns."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hints:
        hints.bind(("", port))
        hints.setblocking(False)
        follower.pull()
        notify_systemd()
        while True:
            if wait_for_hint(hints, random.uniform(0.8, 1.0) * interval, follower.version):
                time.sleep(random.uniform(0, spread))  # so that nodes do not connect all at once
            follower.pull()


def wait_for_hint(hints: socket.socket, seconds: float, version: int) -> bool:
    """Wait for a hint about a newer version, and return whether one arrived in time.

    Hints are not authenticated: they only make the node pull earlier, at most once per ``spread``.
    """
    deadline = time.monotonic() + seconds
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not select.select([hints], [], [], remaining)[0]:
            return False
        try:
            words = hints.recv(64).split()
        except BlockingIOError:  # a wrong checksum
            continue
        if len(words) == 2 and words[0] == MARK and words[1].isdigit() and int(words[1]) > version:
            return True


def notify_systemd() -> None:
    """Report to systemd that the first pull is over, so that dependent units can start."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", "\0" + path[1:] if path[0] == "@" else path)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Synchronize users and groups with the frontend.")
    parser.add_argument("--url", default="", help="the frontend, as http://ADDRESS")
    parser.add_argument(
        "--key", default="/etc/rocks/accounts.pub", help="the frontend's public key"
    )
    parser.add_argument("--root", default="/", help="the folder that contains etc and var")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("pull")
    commands.add_parser("apply").add_argument("bundle")
    daemon = commands.add_parser("follow")
    daemon.add_argument("--port", type=int, default=PORT, help="the UDP port of hints")
    daemon.add_argument(
        "--interval",
        type=float,
        default=INTERVAL,
        help="the maximum number of seconds between two pulls",
    )
    daemon.add_argument(
        "--spread",
        type=float,
        default=SPREAD,
        help="the number of seconds over which nodes respond to a hint",
    )
    return parser


def main() -> int:
    options = arguments().parse_args()
    follower = Follower(Node(options.root, options.key), options.url.rstrip("/"))
    if options.command == "follow":
        follow(follower, options.port, options.interval, options.spread)
    if options.command == "apply":
        with open(options.bundle, "rb") as file:
            changed = follower.node.apply(open_bundle(file.read(), options.key))
        print("applied %s" % options.bundle if changed else "nothing to do")
        return 0
    return follower.pull()


if __name__ == "__main__":
    sys.exit(main())
