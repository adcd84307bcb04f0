# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The screen of an installer that stops, byte for byte as tmux copies it into a file."""

from __future__ import annotations

import textwrap
from typing import Iterator, NamedTuple

from . import installer_image

COLUMNS = 80
RELEASES = ("rhel8", "rhel9", "rhel10", "fedora")
TITLES = {"error": "Error", "question": "Question"}
PROMPTS = {"error": "Press ENTER to exit: ", "question": "Please respond 'yes' or 'no': "}
PROGRESS = (
    "Starting installer, one moment...",
    "Starting automated install...",
    "Setting up the installation environment",
    "Creating xfs on /dev/sda2",
    "Starting package installation process",
    "Downloading 412 RPMs, 61 MiB / 223 MiB (27%) done.",
    "Installing bash.x86_64 (133/400)",
    "Performing post-installation setup tasks",
    "Installing boot loader",
    "Running post-installation scripts",
)


class Sentence(NamedTuple):
    """A row of sentences.tsv for one release."""

    release: str
    how: str
    text: str

    def screen(self, reason: str) -> bytes:
        """Return the screen of an installation that stops with this sentence."""
        text = self.text.replace("{}", reason)
        rows = [*PROGRESS, *(dialog(self.how, text) if self.how in TITLES else text.split("\n"))]
        return "\r\n".join([*rows, PROMPTS.get(self.how, "")]).encode()


def sentences() -> Iterator[Sentence]:
    """Yield every sentence of every release."""
    for row in installer_image.rows("sentences.tsv"):
        for release in RELEASES:
            if row[release]:
                yield Sentence(release, row["how"], row["text"].replace("\\n", "\n"))


def dialog(how: str, text: str) -> list[str]:
    """Return the rows of a dialog: wrapped and centred, and a blank row before its prompt."""
    rows = [row for line in text.split("\n") for row in textwrap.wrap(line, COLUMNS) or [""]]
    margin = " " * ((COLUMNS - max(map(len, rows))) // 2)
    rule = "=" * COLUMNS
    return [rule, rule, TITLES[how], "", *(margin + row for row in rows), ""]
