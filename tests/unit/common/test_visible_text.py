# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What other machines send shows on a page and in a terminal as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.visible_text import visible_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("bash-5.1", "bash-5.1", id="plain"),
        pytest.param("a\x1b[2Jb", "a[2Jb", id="escape"),
        pytest.param("evil\u202egnp.exe", "evilgnp.exe", id="right to left"),
        pytest.param("a\u2066b\u2069\u200b\ufeffc", "abc", id="isolate, zero width"),
        pytest.param("a\u2028b\u2029c\x85d", "abcd", id="line ends"),
        pytest.param("a\ud800b", "ab", id="lone surrogate"),
        pytest.param("a\rb\nc\td", "ab\nc\td", id="lines and tabs stay"),
        pytest.param("Zürich 東京 😀", "Zürich 東京 😀", id="letters of the world stay"),
    ],
)
def test_hidden_characters_are_removed(text: str, shown: str) -> None:
    assert visible_text(text) == shown


@given(st.text())
def test_no_hidden_character_is_left(text: str) -> None:
    shown = visible_text(text, kept="")
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not {unicodedata.category(character) for character in shown} & hidden
    assert visible_text(shown, kept="") == shown
