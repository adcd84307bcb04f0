# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of make try: what it contains, and what it must not contain."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tryout.report import private_words, redact, write_report
from tryout.step import FAILED, PASSED, SKIPPED, Outcome

SECRETS = {
    "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"
    "-----END OPENSSH PRIVATE KEY-----",
    "a truncated private key": "-----BEGIN RSA PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n",
    "a public key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9 alice@laptop",
    "a hash": "$6$rounds=4096$saltsalt$hashhashhash",
    "a password": "password: hunter22",
    "an address of the site": "192.168.178.23",
    "an IPv6 address": "fe80:0:0:0:5054:ff:fe12:3456",
    "a card of the host": "3c:52:82:aa:bb:cc",
    "a mail address": "alice@example.edu",
    "an account in a URL": "https://alice:hunter22@mirror.example.edu/",
    "a home folder": "/home/alice/iso",
    "a user": "alice",
    "a host": "laptop7",
}
NEEDLES = ("b3BlbnNza", "AAAAC3Nza", "hashhashhash", "hunter22", "192.168.178.23", "5054:ff",
           "3c:52:82", "alice", "laptop7")  # fmt: skip
WORDS = ["/home/alice", "laptop7", "alice"]


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_private_is_left(name: str) -> None:
    text = redact(f"before {SECRETS[name]} after", WORDS)
    assert not [needle for needle in NEEDLES if needle in text]


@given(
    before=st.text(alphabet="ab 0:/=\n", max_size=20),
    after=st.text(alphabet="ab 0:/=\n", max_size=20),
)
def test_an_address_is_removed_wherever_it_stands(before: str, after: str) -> None:
    assert "203.0.113.77" not in redact(f"{before} 203.0.113.77 {after}")


@pytest.mark.parametrize(
    "text",
    [
        "compute-0-0 has 10.1.255.254",
        "52:54:00:52:00:01",
        "2026-12-01 13:05:59 kernel 6.12.0-55.9.1.el10_0",
        "Rocky Linux 10.1, QEMU 10.0.2",
    ],
)
def test_what_is_needed_to_find_the_cause_is_kept(text: str) -> None:
    assert redact(text, WORDS) == text


def test_a_failed_try_has_the_ends_of_its_logs_and_a_passed_one_has_none(
    tmp_path: pathlib.Path,
) -> None:
    log = tmp_path / "rebuild-dist.log"
    log.write_text("first\n" * 200 + "closure: slurm is absent, says alice\n")
    passed = [Outcome("Build", PASSED, 12.0), Outcome("Job", SKIPPED, 0.0, "no Slurm")]
    report = tmp_path / "report.txt"
    facts = {"medium": "Rocky Linux 10.1"}
    assert write_report(report, facts, passed, [log], WORDS) == PASSED
    text = report.read_text()
    assert "Rocky Linux 10.1" in text and "no Slurm" in text and "closure" not in text
    failed = [*passed, Outcome("Install", FAILED, 3.0, "line 1\nline 2")]
    assert write_report(report, facts, failed, [log], WORDS) == FAILED
    text = report.read_text()
    assert "closure: slurm is absent" in text and text.count("first") < 100 and "alice" not in text


def test_a_try_without_any_outcome_has_not_passed(tmp_path: pathlib.Path) -> None:
    outcomes = [Outcome("Interrupted", FAILED)]
    assert write_report(tmp_path / "report.txt", {}, outcomes, [], []) == FAILED


def test_this_machine_is_among_the_private_words() -> None:
    words = private_words()
    assert "root" not in words and "/" not in words
    assert words == sorted(words, key=len, reverse=True)
