# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of a try, which its user can send to the project: nothing private is in it."""

from __future__ import annotations

import getpass
import os
import pathlib
import platform
import re
import socket
from typing import Iterable, Mapping, Sequence

from .step import FAILED, PASSED, SKIPPED, Outcome

TAIL_LINES = 60
REPLACED = "[removed]"
# Addresses of the machines of a try, and of documentation.
OWN_NETWORKS = r"(?:10\.1\.|10\.255\.|10\.0\.2\.|10\.0\.0\.0|127\.|255\.|0\.0\.0\.0)"
PRIVATE = (
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
    re.compile(r"\b(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-\S+) [A-Za-z0-9+/=]{16,}"),
    re.compile(r"\$[0-9a-z]{1,2}\$\S{8,}"),
    re.compile(r"(?i)(?<=password[=: ])\s*\S+"),
    re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+\b"),
    re.compile(rf"\b(?!{OWN_NETWORKS})(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b"),
    # IPv6, but neither a time of day nor the address of a card.
    re.compile(
        r"(?i)(?<![0-9a-f:])(?=[0-9a-f:]*(?:::|[0-9a-f]{3}))"
        r"(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-f:])"
    ),
    re.compile(r"(?i)\b(?!52:54:00)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"),
    re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"),
)


def private_words() -> list[str]:
    """Return the words of this machine that a report must not contain, longest first."""
    words = {
        str(pathlib.Path.home()),
        os.getcwd(),
        getpass.getuser(),
        socket.gethostname(),
        socket.gethostname().partition(".")[0],
    }
    usual = {"", "/", "/root", "root", "localhost"}
    return sorted(words - usual, key=len, reverse=True)


def redact(text: str, words: Iterable[str] = ()) -> str:
    """Return the text without keys, hashes, passwords, addresses and these words."""
    for word in words:
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", REPLACED, text)
    for pattern in PRIVATE:
        text = pattern.sub(REPLACED, text)
    return text


def host_facts() -> dict[str, str]:
    """Return the operating system and kernel of this machine."""
    release = platform.freedesktop_os_release()
    return {"host": release.get("PRETTY_NAME", "unknown"), "kernel": platform.release()}


def write_report(
    path: pathlib.Path,
    facts: Mapping[str, str],
    outcomes: Sequence[Outcome],
    logs: Iterable[pathlib.Path],
    words: Sequence[str],
) -> str:
    """Write the report, and return its last word: passed or failed.

    facts  versions and settings
    logs   the end of each is added if a step has failed
    words  private words of this machine
    """
    states = {outcome.state for outcome in outcomes}
    result = PASSED if states <= {PASSED, SKIPPED} else FAILED
    lines = ["npaci.rocks: report of make try", ""]
    lines += [f"{name}: {value}" for name, value in facts.items()]
    lines += [f"result: {result}", "", "steps:"]
    for outcome in outcomes:
        lines.append(f"  {outcome.state:12}{outcome.seconds:6.0f} s  {outcome.title}")
        lines += [f"      {line}" for line in outcome.reason.splitlines()]
    if result == FAILED:
        for log in logs:
            if log.exists():
                text = log.read_text(encoding="utf-8", errors="replace")
                lines += ["", f"the end of {log.parent.name}/{log.name}:"]
                lines += [f"  {_printable(line)}" for line in text.splitlines()[-TAIL_LINES:]]
    path.write_text(redact("\n".join(lines) + "\n", words), encoding="utf-8")
    return result


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)
