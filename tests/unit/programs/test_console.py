"""The console implements TELNET (RFC 854, 857, 858, 1073, 1091), and survives arbitrary input."""

from __future__ import annotations

import pytest
from console import (
    AYT,
    BINARY,
    DO,
    DONT,
    ECHO,
    IAC,
    IP,
    NAWS,
    SB,
    SE,
    SGA,
    TTYPE,
    WILL,
    WONT,
    Telnet,
    escape,
    supported_terminal,
)
from hypothesis import given
from hypothesis import strategies as st

LINEMODE = 34


@pytest.fixture
def telnet() -> Telnet:
    """Return a connection after its greeting."""
    telnet = Telnet()
    del telnet.replies[:]
    return telnet


def packet(*data: int) -> bytes:
    return bytes(data)


def test_the_greeting_offers_echo_and_requests_window_and_terminal() -> None:
    greeting = bytes(Telnet().replies)
    for verb, option in ((WILL, ECHO), (WILL, SGA), (DO, SGA), (DO, NAWS), (DO, TTYPE)):
        assert packet(IAC, verb, option) in greeting


def test_typed_bytes_are_returned_and_a_doubled_255_is_a_single_byte(telnet: Telnet) -> None:
    assert telnet.feed(b"ab" + packet(IAC, IAC) + b"c") == b"ab\xffc"


@pytest.mark.parametrize("enter", [b"\r\n", b"\r\0", b"\r"])
def test_every_enter_is_a_single_carriage_return(telnet: Telnet, enter: bytes) -> None:
    assert telnet.feed(b"ls" + enter) + telnet.feed(b"x") == b"ls\rx"


def test_a_command_can_be_split_anywhere(telnet: Telnet) -> None:
    stream = b"a" + packet(IAC, SB, NAWS, 0, 100, 0, 30, IAC, SE) + b"b"
    assert b"".join(telnet.feed(stream[at : at + 1]) for at in range(len(stream))) == b"ab"
    assert telnet.size == (30, 100)


def test_a_window_of_255_columns_is_escaped_on_the_wire(telnet: Telnet) -> None:
    telnet.feed(packet(IAC, SB, NAWS, 0, IAC, IAC, 0, 24, IAC, SE))
    assert telnet.size == (24, 255)


@pytest.mark.parametrize("size", [(0, 0), (5000, 24), (24, 0)])
def test_an_absurd_window_size_is_ignored(telnet: Telnet, size: tuple[int, int]) -> None:
    columns, rows = size
    telnet.feed(
        packet(IAC, SB, NAWS, columns >> 8, columns & 0xFF, rows >> 8, rows & 0xFF, IAC, SE)
    )
    assert telnet.size == (24, 80)


def test_the_terminal_type_is_requested_and_used(telnet: Telnet) -> None:
    telnet.feed(packet(IAC, WILL, TTYPE))
    assert bytes(telnet.replies) == packet(IAC, SB, TTYPE, 1, IAC, SE)
    telnet.feed(packet(IAC, SB, TTYPE, 0) + b"XTERM-256color" + packet(IAC, SE))
    assert telnet.terminal == "xterm-256color"


def test_a_terminal_type_with_special_characters_is_ignored(telnet: Telnet) -> None:
    telnet.feed(packet(IAC, SB, TTYPE, 0) + b"$(reboot)" + packet(IAC, SE))
    assert telnet.terminal == "vt100"


@pytest.mark.parametrize(
    ("requested", "used"), [("linux", "linux"), ("unknown", "vt100"), ("xterm-of-2031", "vt100")]
)
def test_an_unknown_terminal_type_is_replaced_by_vt100(requested: str, used: str) -> None:
    """telnet without TERM sends "unknown", for which tmux shows nothing."""
    assert supported_terminal(requested) == used


def test_unknown_options_are_declined(telnet: Telnet) -> None:
    telnet.feed(packet(IAC, DO, LINEMODE, IAC, WILL, LINEMODE))
    assert bytes(telnet.replies) == packet(IAC, WONT, LINEMODE, IAC, DONT, LINEMODE)


def test_an_acknowledgement_is_not_acknowledged(telnet: Telnet) -> None:
    telnet.feed(packet(IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, SGA, IAC, WONT, BINARY))
    assert not telnet.replies


def test_interrupt_is_control_c_and_are_you_there_gets_an_answer(telnet: Telnet) -> None:
    assert telnet.feed(packet(IAC, IP)) == b"\x03"
    telnet.feed(packet(IAC, AYT))
    assert b"yes" in telnet.replies


@given(st.lists(st.binary(max_size=200)))
def test_hostile_bytes_neither_crash_nor_grow(blocks: list[bytes]) -> None:
    telnet = Telnet()
    start = len(telnet.replies)
    for block in blocks:
        assert len(telnet.feed(block)) <= len(block)
    # Each command of three bytes is answered by at most two of three and six bytes.
    assert len(telnet.replies) <= start + 9 * sum(map(len, blocks))
    assert len(telnet._sub) <= 64


@given(st.binary())
def test_terminal_output_arrives_unchanged(data: bytes) -> None:
    assert Telnet().feed(escape(data).replace(b"\r", b"")) == data.replace(b"\r", b"")
