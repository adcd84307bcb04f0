# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hints for names that do not exist."""

from __future__ import annotations

from ansible_collections.npaci.rocks.plugins.module_utils.suggestions import did_you_mean, suggest


def test_did_you_mean_names_similar_candidates_or_nothing() -> None:
    assert did_you_mean("Comptue", ["Login", "Compute"]) == "did you mean Compute?"
    assert did_you_mean("NFS SERVER", ["Login", "NFS Server"]) == "did you mean NFS Server?"
    assert did_you_mean("abcd", ["abce", "abcf", "z"]) == "did you mean abcf or abce?"
    assert did_you_mean("x", ["b", "a"]) == ""


def test_did_you_mean_compares_alphabetical_neighbours_among_many_candidates() -> None:
    candidates = [f"compute-{number:05}" for number in range(5000)]
    assert "compute-04321" in did_you_mean("compute-04321x", candidates)


def test_suggest_lists_few_candidates_and_counts_many() -> None:
    assert suggest("Comptue", ["Compute", "Login"]) == "did you mean Compute?"
    assert suggest("x", ["b", "a"]) == "known: a, b"
    assert suggest("x", map(str, range(30))) == "known: 30 names"
    assert suggest("x", []) == "none exist yet"
