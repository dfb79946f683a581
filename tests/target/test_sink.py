"""The HTTP sink: where it listens, and what it makes of nonsense."""

import http.client
import socket
from contextlib import ExitStack

import pytest

from conformance.target.sink import LONGEST_DELIVERY, HttpSink, SinkError
from tests.waiting import PATIENCE_S


def post(port: int, body: bytes = b"", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/hook", body, {name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


def test_deliveries_are_remembered():
    with HttpSink() as sink:
        assert post(sink.port, b"hello") == 200
        assert [(delivery.path, delivery.body) for delivery in sink.received()] == [("/hook", b"hello")]
        assert sink.connections == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_sink_known_by_a_foreign_name_listens_everywhere(host):
    with HttpSink(host) as sink:
        assert sink.url == f"http://{host}:{sink.port}"
        assert post(sink.port) == 200


def test_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SinkError, match="cannot listen on port"):
        HttpSink("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("length", [str(LONGEST_DELIVERY + 1), "-1", "many"])
def test_nonsense_is_neither_kept_nor_printed(length, capfd):
    with HttpSink() as sink:
        with socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE_S) as stranger:
            stranger.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(4096):
                pass
        assert post(sink.port, b"after") == 200
        assert [delivery.body for delivery in sink.received()] == [b"after"]
    assert capfd.readouterr() == ("", "")


def test_all_connections_of_a_pool_are_made_at_once():
    sink = HttpSink()  # it listens, and accepts nobody yet
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(socket.create_connection(("127.0.0.1", sink.port), timeout=PATIENCE_S))
        with sink:
            assert post(sink.port, b"late") == 200
            assert sink.connections == 65
