from __future__ import annotations

import socket

import pytest

from devstack import ports
from devstack.errors import DevstackError


def test_chosen_port_is_free_and_not_one_of_outgoing_connections() -> None:
    port = ports.choose()
    assert ports.is_free(port)
    assert port < ports.outgoing_from()


def test_port_is_the_kernels_choice_where_no_range_is_left() -> None:
    assert ports.is_free(ports.choose(highest=1024))


def test_taken_port_is_one_line() -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        assert ports.accepts(port)
        with pytest.raises(DevstackError, match=rf"^port {port} on 127\.0\.0\.1 is taken; [^\n]+$"):
            ports.require_free(port)
    assert not ports.accepts(port)
