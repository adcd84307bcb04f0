"""Any message from a node is parsed within its limits or refused."""

from __future__ import annotations

import json

import pytest
from flask import Request
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Progress
from ansible_collections.npaci.rocks.plugins.module_utils.service.model import Denied
from ansible_collections.npaci.rocks.plugins.module_utils.service.node_messages import (
    LOG_CHARACTERS,
    MESSAGE_CHARACTERS,
    parse_message,
    parse_progress,
)


def request(body: bytes) -> Request:
    return Request(EnvironBuilder(method="POST", path="/rocks/events", data=body).get_environ())


def test_progress_is_a_phase_and_counts() -> None:
    body = b'{"phase": "install", "done": 133, "total": 400, "message": "Installing bash"}'
    assert parse_progress(parse_message(request(body), ""), "") == Progress(
        "install", 133, 400, "Installing bash"
    )


FIELDS = st.sampled_from(["phase", "done", "message", "log"])
MESSAGES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner),
)


@given(st.binary() | MESSAGES.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"phase": "install", "done": ' + b"9" * 10_000 + b"}")
@example(b'{"phase": "install", "message": "\\ud800"}')
@example(b'{"phase": "install", "done": NaN}')
def test_any_message_is_limited_progress_or_refused(body: bytes) -> None:
    try:
        progress = parse_progress(parse_message(request(body), "compute-0-0"), "compute-0-0")
    except Denied as error:
        assert error.status == 400
    else:
        assert len(progress.message) <= MESSAGE_CHARACTERS
        assert len(progress.log) <= LOG_CHARACTERS
        progress.message.encode()


def test_a_long_log_is_cut_at_its_start() -> None:
    body = json.dumps({"phase": "failed", "log": "x" * 20_000 + "the last line"}).encode()
    log = parse_progress(parse_message(request(body), ""), "").log
    assert log.endswith("the last line")
    assert len(log) == LOG_CHARACTERS


def test_terminal_escape_sequences_are_removed() -> None:
    body = json.dumps(
        {"phase": "install", "message": "\x1b]0;owned\x07\x1b[2Jbash\x9b31m"}
    ).encode()
    assert parse_progress(parse_message(request(body), ""), "").message == "]0;owned[2Jbash31m"


@pytest.mark.parametrize("phase", ["", "Install", "a b", "x" * 40, "<script>", "installing\n"])
def test_a_malformed_phase_is_refused(phase: str) -> None:
    with pytest.raises(Denied):
        parse_progress({"phase": phase}, "")
