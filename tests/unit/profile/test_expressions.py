"""Conditions: what the real corpora use is understood, nothing else is, and nothing is ever run."""

from __future__ import annotations

import contextlib
from typing import Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml import expressions

VALUES = {
    "rocks_version_major": "7",
    "version": "7.0",
    "x11": "false",
    "sge": "on",
    "slimcore": "",
    "platform": "aws",
    "appliance": "compute",
    "os.version": "8.x",
    "rack": "0",
    "img_sync": "yes",
}


def holds(text: str, values: Optional[dict[str, str]] = None) -> bool:
    return expressions.evaluate_expression(
        expressions.parse(text), (VALUES if values is None else values).get
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rocks_version_major == 7", True),
        ("rocks_version_major==6", False),
        ("rocks_version_major >= 6 and Bootloader is None", True),
        ("rocks_version_major == 7 and not x11", True),
        ("Bootloader is not None", False),
        ("platform is not None", True),
        ("sge", True),
        ("x11", False),
        ("not slimcore", True),
        ("nowhere", False),
        ("platform == 'aws'", True),
        ('platform == "ec2"', False),
        ("appliance not in [ 'barnacle', 'replicant' ]", True),
        ("appliance in ('compute', 'login')", True),
        ("appliance != 'devel-server'", True),
        ("not (version >= 7)", False),
        (" version >= 7", True),
        ("version == '7.0'", True),
        ("version == '7'", False),
        ("rack == 0", True),
        ("rack", False),
        ("sge == True", True),
        ("sge == 'on'", True),
        ("os.version == '8.x'", True),
        ("FALSE", False),
        ("true", True),
        ("img_sync and sge and not (x11 or slimcore)", True),
        ("nowhere < 7 or nowhere >= 7", False),
        ("nowhere == nowhere", True),
        ("rack < 1 and rack > -1 and version <= 7.5 and version != 7.5", True),
        ("'a' < 'b'", True),
        ("rack in []", False),
        ("rack in [0, 1,]", True),
    ],
)
def test_a_condition_has_its_documented_result(text: str, expected: bool) -> None:
    assert holds(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "and",
            "a b",
            "a ==",
            "== 7",
            "(a",
            "a)",
            "a in b",
            "a is 7",
            "a not b",
            "[1]",
            "a == 7.x",
            "a = 7",
            "'a",
        ),
        *(
            "__import__('os').system('true')",
            "a.b()",
            "a[0]",
            "lambda: 1",
            "a if b else c",
            "a + 1",
            "{}",
            "a; b",
        ),
        *(
            "a == 1 == 1",
            "not",
            "()",
            "a in ['x' 'y']",
            "in",
            "(" * 60 + "a" + ")" * 60,
            "not " * 60 + "a",
        ),
    ],
)
def test_a_text_that_is_not_a_condition_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|nested"):
        expressions.parse(text)


def test_ordering_a_text_against_a_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="no order"):
        holds("platform >= 7")


ATOMS = st.one_of(
    st.sampled_from(["a", "b", "c", "True", "False", "None"]),
    st.integers(0, 9).map(str),
    st.sampled_from(["'x'", "'y'"]),
)
EXPRESSIONS = st.recursive(
    st.one_of(
        ATOMS,
        st.tuples(ATOMS, st.sampled_from(["==", "!="]), ATOMS).map(" ".join),
        st.tuples(ATOMS, st.lists(ATOMS, max_size=3)).map(
            lambda t: f"{t[0]} in [{', '.join(t[1])}]"
        ),
        st.sampled_from(["a is not None", "b is None"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        inner.map(lambda text: f"not ({text})"),
    ),
    max_leaves=8,
)
# Values on which the original's coercions and ours agree.
PLAIN = st.one_of(st.none(), st.sampled_from([7, 8, "x", "z", ""]))


@given(EXPRESSIONS, st.fixed_dictionaries({"a": PLAIN, "b": PLAIN, "c": PLAIN}))
def test_an_expression_has_the_same_result_in_python(text: str, values: dict[str, Any]) -> None:
    ours = {name: str(value) for name, value in values.items() if value is not None}
    assert holds(text, ours) is bool(eval(text, {}, values))  # an oracle, on texts made above


@given(st.one_of(st.text(max_size=30), st.text("ab 7'\"()[],.=<>!notandorisNe", max_size=30)))
def test_every_text_is_true_false_or_an_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert holds(text) in (True, False)
