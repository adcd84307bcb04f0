# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts program: a node's users and groups are those of the frontend, which publishes them as a signed bundle.

    accounts.py pull      take the bundle once
    accounts.py follow    take it now, once in a while, and when the frontend hints that there is a newer one

Exit status of pull: 0 the node has the newest accounts; 4 refused, and the node keeps what it has; 5 not heard.

The numbers decide who is who: from 1000 on the bundle says which users and groups there are, all others are the
node's own and are never touched, nor is anybody of their names. A bundle counts only with the frontend's signature, and
only when its version is higher than that of the last one.

passwd, group, shadow and gshadow are changed under the lock of useradd and its like (lckpwdf(3)), each in one rename,
in an order in which everybody in passwd has a row in shadow and a group. The bundle is kept before the first of them
is changed, so that a change that was cut off is completed by the next start.

Standard library of Python 3.6, which is the one that every EL 8 has, and the openssl command.
"""

import argparse
import base64
import fcntl
import http.client
import json
import os
import random
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple
from urllib.parse import urlsplit

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
FORMAT = 1
PEOPLE = (range(1000, 60000), range(65536, 2**32 - 2))
USERS_GROUP = 100
NAME = r"(?![0-9]+\Z)(?!\.)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}\$?"
NUMBER = r"0|[1-9][0-9]{0,9}"
DAYS = r"-?[0-9]{0,9}"
TEXT = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*"
SECRET = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+"  # an empty password lets everybody in
# Of each field of a row.
FORMS = {
    "passwd": (NAME, "x", NUMBER, NUMBER, TEXT, "/" + TEXT, "(/" + TEXT + ")?"),
    "group": (NAME, "x", NUMBER, TEXT),
    "shadow": (NAME, SECRET) + 6 * (DAYS,) + ("",),
}
NUMBER_AT = 2  # the uid in passwd, the gid in group
SECRETS = {"passwd": "shadow", "group": "gshadow"}
FILES = ("passwd", "group", "shadow", "gshadow")

Text = Dict[str, str]


class Refused(Exception):
    """The bundle is not believed, and nothing was changed."""


class Unheard(Exception):
    """The frontend gave no bundle."""


class Bundle(NamedTuple):
    """A version, and rows by file and name, each in its order."""

    version: int
    rows: Dict[str, Dict[str, str]]


NOTHING = Bundle(0, {"passwd": {}, "group": {}, "shadow": {}})


class Merged(NamedTuple):
    """What the files become: first with those who go still in it, then without them; and who could not be taken."""

    between: Text
    final: Text
    left_out: List[str]


def is_of_people(text: str) -> bool:
    """Whether a uid or gid is the bundle's business; what is no number belongs to the node."""
    return bool(re.fullmatch(NUMBER, text)) and any(int(text) in numbers for numbers in PEOPLE)


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
        done = subprocess.run(command, check=False, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise Refused("the bundle is not signed with the frontend's key %s (%s)" % (key, said))


def read(text: bytes) -> Bundle:
    """The content of a bundle, every row of it checked. Raises Refused that names each row which is wrong."""
    try:
        content = json.loads(text.decode("utf-8"))
        version, known = content["version"], content["format"] == FORMAT
        tables = {name: content[name] for name in FORMS}
        if not known or type(version) is not int or not all(is_rows(rows) for rows in tables.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise Refused("the bundle has a form that this node does not know; reinstall it") from None
    faults = [fault for name in FORMS for row in tables[name] for fault in faults_of(name, row)]
    if faults:
        raise Refused("the bundle has %d wrong rows: %s" % (len(faults), "; ".join(faults)))
    rows = {name: {row.partition(":")[0]: row for row in tables[name]} for name in FORMS}
    if any(len(rows[name]) != len(tables[name]) for name in FORMS) or set(rows["shadow"]) != set(rows["passwd"]):
        raise Refused("the bundle has a name twice, or a user without a row in shadow")
    return Bundle(version, rows)


def is_rows(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, str) for row in rows)


def faults_of(table: str, row: str) -> List[str]:
    """What is wrong with a row, without its password."""
    fields, forms = row.split(":"), FORMS[table]
    where = '%s row of "%s"' % (table, fields[0][:40])
    if len(fields) != len(forms):
        return ["%s has %d fields" % (where, len(fields))]
    wrong = [number for number, form in enumerate(forms) if not re.fullmatch(form, fields[number])]
    faults = ["%s: field %d" % (where, number + 1) for number in wrong]
    if table != "shadow" and not is_of_people(fields[NUMBER_AT]):
        faults.append('%s: the number "%s" is of the operating system' % (where, fields[NUMBER_AT]))
    if table == "passwd" and fields[3] != str(USERS_GROUP) and not is_of_people(fields[3]):
        faults.append('%s: the primary group "%s" is of the operating system' % (where, fields[3]))
    return faults


# ---- the merge


def merge(texts: Text, bundle: Bundle, before: Bundle = NOTHING) -> Merged:
    """The node's files with the bundle's users and groups in place of those that they have.

    texts   what the files hold; gshadow may be missing
    before  the bundle that they were made from
    """
    between, final, left_out = {}, {}, []  # type: Text, Text, List[str]
    for table, secret in SECRETS.items():
        own, old = parted(texts[table])
        system = set(map(name_of, own))
        taken = {name: row for name, row in bundle.rows[table].items() if name not in system}
        left_out += ["%s %s" % (table, name) for name in bundle.rows[table] if name in system]
        going = (set(map(name_of, old)) | set(before.rows[table])) - system - set(taken)
        final[table] = joined(own, taken.values())
        between[table] = joined(own, list(taken.values()) + [row for row in old if name_of(row) in going])
        if secret in texts:
            between[secret], final[secret] = secrets(texts[secret], secret, taken, going, bundle)
    # A user is seen from the moment that he stands in passwd; what he needs is there before, and goes after.
    between["passwd"] = final["passwd"]
    return Merged(between, final, left_out)


def secrets(text: str, table: str, taken: Dict[str, str], going: Set[str], bundle: Bundle) -> Tuple[str, str]:
    """A secret file with the rows of those who were taken: with those who go, and without them."""
    lines = text.split("\n")
    kept = [line for line in lines if line and name_of(line) not in going and name_of(line) not in taken]
    leaving = [line for line in lines if line and name_of(line) in going]
    if table == "shadow":
        new = [bundle.rows["shadow"][name] for name in taken]
    else:
        new = ["%s:!::%s" % (name, row.rpartition(":")[2]) for name, row in taken.items()]
    return joined(kept, new + leaving), joined(kept, new)


def parted(text: str) -> Tuple[List[str], List[str]]:
    """The node's own lines of passwd or group, as they are, and those of people."""
    own, people = [], []  # type: List[str], List[str]
    for line in text.split("\n"):
        fields = line.split(":")
        is_people = len(fields) > NUMBER_AT and is_of_people(fields[NUMBER_AT])
        (people if is_people else own).append(line)
    return [line for line in own if line], people


def name_of(line: str) -> str:
    return line.partition(":")[0]


def joined(kept: Sequence[str], rows: Iterable[str]) -> str:
    return "".join(line + "\n" for line in list(kept) + list(rows))


# ---- the node


class Node:
    """This machine: its files, and the bundle that they were made from."""

    def __init__(self, root: str, key: str) -> None:
        self.etc, self.state, self.key = os.path.join(root, "etc"), os.path.join(root, "var/lib/rocks/accounts"), key
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
            raise Refused("the bundle's version is %d, and the node has %d" % (bundle.version, current.version))
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
            texts = {name: self.text(name) for name in FILES if name != "gshadow" or name in self.marks()}
            merged = merge(texts, bundle, self.current or NOTHING)
            changed = self.put(texts, merged)
            self.seen = self.marks()
        if merged.left_out:
            print("not taken, since the node has its own: %s" % ", ".join(merged.left_out), file=sys.stderr)
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
                raise Unheard("somebody has been editing the node's accounts for %d s" % LOCK_SECONDS) from None
            time.sleep(0.1)


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
    for name in os.listxattr(path):
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
        connection = kind(parts.hostname or "", parts.port, timeout=NET_SECONDS, source_address=("", source))
        try:
            connection.connect()
            return connection
        except OSError as error:
            connection.close()
            if error.errno not in (98, 99):  # EADDRINUSE, EADDRNOTAVAIL: another connection has this port
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
            print("%s version %d: %d users, %d groups" % (("took", "restored")[healed], *counts), flush=True)
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
                time.sleep(random.uniform(0, spread))
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
    parser.add_argument("--url", required=True, help="the frontend, as http://ADDRESS")
    parser.add_argument("--key", default="/etc/rocks/accounts.pub", help="the frontend's public key")
    parser.add_argument("--root", default="/", help="the folder that etc and var lie in")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("pull")
    daemon = commands.add_parser("follow")
    daemon.add_argument("--port", type=int, default=PORT, help="where hints come in")
    daemon.add_argument("--interval", type=float, default=INTERVAL, help="seconds between two pulls, at most")
    daemon.add_argument("--spread", type=float, default=SPREAD, help="seconds over which nodes answer a hint")
    return parser


def main() -> int:
    options = arguments().parse_args()
    follower = Follower(Node(options.root, options.key), options.url.rstrip("/"))
    if options.command == "follow":
        follow(follower, options.port, options.interval, options.spread)
    return follower.pull()


if __name__ == "__main__":
    sys.exit(main())
