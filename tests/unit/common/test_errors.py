"""An error says where, what and what to do, and survives the way to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import errors

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.RocksError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_reads_where_what_hint(kind: type[errors.RocksError]) -> None:
    assert (
        str(kind("the edge leads nowhere", "base.xml:41", "did you mean b?"))
        == "base.xml:41: the edge leads nowhere; did you mean b?"
    )
    assert str(kind("it is so")) == "it is so"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_pickle_and_copy(kind: type[errors.RocksError], again) -> None:  # type: ignore[no-untyped-def]
    error = again(kind("what", "where", "hint"))
    assert (type(error), error.what, error.where, error.hint) == (kind, "what", "where", "hint")
