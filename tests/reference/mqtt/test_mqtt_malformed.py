"""No input ends the broker: mutated packets on fresh connections, then a client that must still be served."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.packets import Connect, Pingreq, Pingresp
from tests.reference.mqtt.mqtt_clients import RawClient
from tests.reference.mqtt.test_mqtt_codec import PACKETS


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    accepted=st.booleans(),
    version=st.sampled_from([4, 5]),
    packets=st.lists(PACKETS, min_size=1, max_size=5),
    mutations=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6),
)
def test_mutated_packets_cost_one_connection_at_most(target, accepted, version, packets, mutations):
    stream = bytearray(b"".join(encode(packet, version) for packet in packets))
    for place, value in mutations:
        stream[int(place * len(stream))] = value
    victim = RawClient(target.port, version)
    with contextlib.suppress(ConnectionError):
        if accepted:
            victim.connect("mutated")
        victim.send_bytes(bytes(stream))
    victim.close()
    witness = RawClient(target.port)
    assert witness.connect("witness").reason == 0
    witness.send(Pingreq())
    assert witness.read() == Pingresp()
    witness.close()


def test_a_connection_that_says_nothing_harms_nobody(target, name):
    silent = target.raw()
    silent.send_bytes(encode(Connect(name), 5)[:7])
    client = target.client(name)
    client.subscribe(name)
    client.publish(name, b"served")
    assert client.receive().payload == b"served"


def test_a_packet_above_the_limit_ends_the_connection(target, name):
    raw = target.raw()
    raw.connect(name)
    raw.send_bytes(b"\x30\x80\x80\x80\x01")
    assert raw.read().reason == 0x95
    assert raw.read() is None
