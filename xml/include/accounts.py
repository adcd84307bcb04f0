# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts program: a node's users and groups are those of the frontend, which publishes them as a signed bundle.

    accounts.py pull      take the bundle once
    accounts.py follow    take it now, once in a while, and when the frontend hints that there is a newer one
    accounts.py take FILE become once what a bundle in a file says, such as one from a backup

Exit status of pull: 0 the node has the newest accounts; 4 refused, and the node keeps what it has; 5 not heard.

Who is who, and what becomes of the files, says account_merge.py beside it. A bundle counts only with the frontend's signature,
and only when its version is higher than that of the last one.

passwd, group, shadow and gshadow are changed under the lock of useradd and its like (lckpwdf(3)), each in one rename,
in an order in which everybody in passwd has a row in shadow and a group. The bundle is kept before the first of them
is changed, so that a change that was cut off is completed by the next start.

Standard library of Python 3.6, which is the one that every EL 8 has, and the openssl command.
"""

import argparse
import base64
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

from account_merge import FILES, NOTHING, Bundle, Merged, Refused, Text, merge, read

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
UNHEARD_STATUS = 5

MARK = b"rocks-accounts"
LABELS = ("security.selinux", "system.posix_acl_access")


class Unheard(Exception):
    """The frontend gave no bundle."""


# ---- the bundle


def opened(data: bytes, key: str) -> Bundle:
    """A bundle whose signature was made by the frontend. Raises Refused."""
    first, _newline, text = data.partition(b"\n")
    words = first.split(b" ")
    if len(words) != 2 or words[0] != MARK:
        raise Refused("what the frontend gave is no bundle of accounts")
    try:
        signature = base64.b64decode(words[1], validate=True)
    except ValueError:
        raise Refused("the bundle's signature cannot be read") from None
    verify(text, signature, key)
    return read(text)


def verify(text: bytes, signature: bytes, key: str) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", key, "-signature", file.name]
        done = subprocess.run(
            command, check=False, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise Refused("the bundle is not signed with the frontend's key %s (%s)" % (key, said))


# ---- the node


class Node:
    """This machine: its files, and the bundle that they were made from."""

    def __init__(self, root: str, key: str) -> None:
        self.etc, self.state, self.key = (
            os.path.join(root, "etc"),
            os.path.join(root, "var/lib/rocks/accounts"),
            key,
        )
        self.current = None  # type: Optional[Bundle]
        self.seen = {}  # type: Dict[str, Tuple[int, int, int]]

    def resume(self) -> Bundle:
        """Know the last bundle again, once; complete a change that was cut off."""
        if self.current is None:
            os.makedirs(self.state, 0o700, exist_ok=True)
            self.current, cut_off = self.kept("current"), self.kept("next")
            if cut_off.version > self.current.version:
                self.change(cut_off)
        return self.current

    def kept(self, name: str) -> Bundle:
        """A bundle that was kept; one that is not of the frontend's key any more counts for nothing."""
        try:
            with open(os.path.join(self.state, name), "rb") as file:
                return opened(file.read(), self.key)
        except FileNotFoundError:
            return NOTHING
        except Refused as error:
            print("the kept bundle: %s" % error, file=sys.stderr)
            return NOTHING

    def take(self, data: bytes) -> bool:
        """Become what the bundle says; False when the node is that already. Raises Refused."""
        current, bundle = self.resume(), opened(data, self.key)
        if bundle == current:
            return False
        if bundle.version <= current.version:
            raise Refused(
                "the bundle's version is %d, and the node has %d"
                % (bundle.version, current.version)
            )
        write(os.path.join(self.state, "next"), data)
        self.change(bundle)
        return True

    def change(self, bundle: Bundle) -> None:
        self.apply(bundle)
        os.rename(os.path.join(self.state, "next"), os.path.join(self.state, "current"))
        sync(self.state)
        self.current = bundle

    def heal(self) -> bool:
        """Undo what somebody changed by hand among the people's rows; whether there was anything."""
        current = self.resume()
        return current != NOTHING and self.marks() != self.seen and self.apply(current)

    def apply(self, bundle: Bundle) -> bool:
        """Bring the files to the bundle, under the lock of those who edit them; whether any of them changed."""
        with open(os.path.join(self.etc, ".pwd.lock"), "ab") as held:
            os.fchmod(held.fileno(), 0o600)
            hold(held.fileno())
            texts = {
                name: self.text(name) for name in FILES if name != "gshadow" or name in self.marks()
            }
            merged = merge(texts, bundle, self.current or NOTHING)
            changed = self.put(texts, merged)
            self.seen = self.marks()
        if merged.left_out:
            print(
                "not taken, since the node has its own: %s" % ", ".join(merged.left_out),
                file=sys.stderr,
            )
        return changed

    def put(self, texts: Text, merged: Merged) -> bool:
        """Write what differs: what is needed first, then who needs it, then without what is needed no more."""
        needed = [name for name in ("shadow", "gshadow", "group") if name in texts]
        steps = [(name, merged.between) for name in needed + ["passwd"]]
        steps += [(name, merged.final) for name in reversed(needed)]
        now, changed = dict(texts), False
        for name, wanted in steps:
            if now[name] != wanted[name]:
                write(os.path.join(self.etc, name), wanted[name].encode("utf-8", "surrogateescape"))
                now[name], changed = wanted[name], True
        return changed

    def text(self, name: str) -> str:
        with open(os.path.join(self.etc, name), "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")

    def marks(self) -> Dict[str, Tuple[int, int, int]]:
        """What tells that a file is another one than before."""
        found = {}
        for name in FILES:
            if os.path.exists(os.path.join(self.etc, name)):
                state = os.stat(os.path.join(self.etc, name))
                found[name] = (state.st_ino, state.st_size, state.st_mtime_ns)
        return found


def hold(descriptor: int) -> None:
    """Take the lock as lckpwdf(3) does, and wait as long."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() >= deadline:
                raise Unheard(
                    "somebody has been editing the node's accounts for %d s" % LOCK_SECONDS
                ) from None
            time.sleep(0.1)  # lockf has no time limit of its own


def write(path: str, data: bytes) -> None:
    """Give a file this content in one rename, with the owner, permissions and security label that it has."""
    aside = path + ".rocks-new"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        if os.path.exists(path):
            alike(descriptor, path)
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(aside, path)
    sync(os.path.dirname(path))


def alike(descriptor: int, path: str) -> None:
    state = os.stat(path)
    os.fchown(descriptor, state.st_uid, state.st_gid)
    os.fchmod(descriptor, state.st_mode & 0o7777)
    for name in set(LABELS).intersection(os.listxattr(path)):
        os.setxattr(descriptor, name, os.getxattr(path, name))


def sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- the frontend


def fetch(url: str, tag: str) -> Tuple[Optional[bytes], str]:
    """The bundle and its tag; no bundle when it still is the one with the tag that we have. Raises Unheard.

    From a privileged port, which a user of the node cannot have: the frontend shows passwords to nobody else.
    """
    try:
        connection = connected(url)
        try:
            connection.request("GET", PATH, headers={"If-None-Match": tag} if tag else {})
            response = connection.getresponse()
            body = response.read(LARGEST_BUNDLE + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise Unheard("%s: %s" % (url, error or type(error).__name__)) from error
    if response.status == 304:
        return None, tag
    if response.status != 200 or len(body) > LARGEST_BUNDLE:
        raise Unheard("%s%s: status %d, %d bytes" % (url, PATH, response.status, len(body)))
    return body, response.getheader("ETag", "")


def connected(url: str) -> http.client.HTTPConnection:
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
            if error.errno not in (
                98,
                99,
            ):  # EADDRINUSE, EADDRNOTAVAIL: another connection has this port
                raise
    raise OSError("no privileged port is free")


class Follower:
    """Takes the bundle again and again, and remembers what the frontend gave last."""

    def __init__(self, node: Node, url: str) -> None:
        self.node, self.url, self.tag, self.said = node, url, "", ""

    @property
    def version(self) -> int:
        return (self.node.current or NOTHING).version

    def pull(self) -> int:
        """Take the bundle if there is another one. Says what changed, and each trouble once."""
        try:
            self.node.resume()
            body, tag = fetch(self.url, self.tag)
            changed = body is not None and self.node.take(body)
            healed = not changed and self.node.heal()
        except (Refused, Unheard, OSError) as error:
            if str(error) != self.said:
                print(error, file=sys.stderr)
            self.said = str(error)
            return REFUSED_STATUS if isinstance(error, Refused) else UNHEARD_STATUS
        # Only now: a bundle that was refused is asked for again.
        self.tag, self.said = tag, ""
        if changed or healed:
            current = self.node.resume()
            counts = (current.version, len(current.rows["passwd"]), len(current.rows["group"]))
            print(
                "%s version %d: %d users, %d groups" % (("took", "restored")[healed], *counts),
                flush=True,
            )
        return 0


def follow(follower: Follower, port: int, interval: float, spread: float) -> None:
    """Pull for ever: each ``interval`` at the latest, and within ``spread`` of a hint, in seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("", port))
        ear.setblocking(False)
        follower.pull()
        tell_systemd()
        while True:
            if hinted(ear, random.uniform(0.8, 1.0) * interval, follower.version):
                time.sleep(random.uniform(0, spread))  # so that not all nodes ask at once
            follower.pull()


def hinted(ear: socket.socket, seconds: float, version: int) -> bool:
    """Wait for a hint of a newer version than ours, at most so long; whether there was one.

    Anybody may send one: it makes us ask the frontend a little earlier, at most once in ``spread``, and no more.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([ear], [], [], left)[0]:
            return False
        try:
            words = ear.recv(64).split()
        except BlockingIOError:  # its checksum was wrong
            continue
        if len(words) == 2 and words[0] == MARK and words[1].isdigit() and int(words[1]) > version:
            return True


def tell_systemd() -> None:
    """The accounts are as new as they can be: what waits for them may start."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(b"READY=1", "\0" + path[1:] if path[0] == "@" else path)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Take users and groups from the frontend.")
    parser.add_argument("--url", default="", help="the frontend, as http://ADDRESS")
    parser.add_argument(
        "--key", default="/etc/rocks/accounts.pub", help="the frontend's public key"
    )
    parser.add_argument("--root", default="/", help="the folder that etc and var lie in")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("pull")
    commands.add_parser("take").add_argument("bundle")
    daemon = commands.add_parser("follow")
    daemon.add_argument("--port", type=int, default=PORT, help="where hints come in")
    daemon.add_argument(
        "--interval", type=float, default=INTERVAL, help="seconds between two pulls, at most"
    )
    daemon.add_argument(
        "--spread", type=float, default=SPREAD, help="seconds over which nodes answer a hint"
    )
    return parser


def main() -> int:
    options = arguments().parse_args()
    follower = Follower(Node(options.root, options.key), options.url.rstrip("/"))
    if options.command == "follow":
        follow(follower, options.port, options.interval, options.spread)
    if options.command == "take":
        with open(options.bundle, "rb") as file:
            changed = follower.node.apply(opened(file.read(), options.key))
        print("took %s" % options.bundle if changed else "nothing to do")
        return 0
    return follower.pull()


if __name__ == "__main__":
    sys.exit(main())
