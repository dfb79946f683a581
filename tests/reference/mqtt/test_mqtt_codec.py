"""The codec: what is encoded is decoded again, and what is no MQTT is refused with the right code."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode
from conformance.reference.mqtt.packets import (
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    PacketType,
    Pingreq,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    SubscribeOptions,
    Unsuback,
    Unsubscribe,
    Will,
)
from conformance.reference.mqtt.reasons import Reason
from conformance.reference.mqtt.wire import ProtocolError, Reader, varint

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
BYTES = st.binary(max_size=30)
IDS = st.integers(1, 65535)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)
SECONDS = st.integers(0, 0xFFFFFFFF)
MESSAGE_PROPERTIES = {
    "payload_format_indicator": st.integers(0, 1),
    "message_expiry_interval": SECONDS,
    "content_type": TEXT,
    "response_topic": TEXT,
    "correlation_data": BYTES,
    "user_property": PAIRS,
}
REASONED = st.fixed_dictionaries({}, optional={"reason_string": TEXT, "user_property": PAIRS})
QOS = st.integers(0, 2)
WILLS = st.builds(
    Will,
    TEXT,
    BYTES,
    QOS,
    st.booleans(),
    st.fixed_dictionaries({}, optional={**MESSAGE_PROPERTIES, "will_delay_interval": SECONDS}),
)


@st.composite
def publishes(draw: st.DrawFn) -> Publish:
    qos = draw(QOS)
    found = draw(
        st.fixed_dictionaries(
            {},
            optional={
                **MESSAGE_PROPERTIES,
                "topic_alias": IDS,
                "subscription_identifier": st.lists(st.integers(1, 268_435_455), min_size=1, max_size=3),
            },
        )
    )
    return Publish(
        draw(TEXT),
        draw(BYTES),
        qos,
        draw(st.booleans()),
        bool(qos) and draw(st.booleans()),
        draw(IDS) if qos else 0,
        found,
    )


OPTIONS = st.builds(SubscribeOptions, QOS, st.integers(0, 1), st.integers(0, 1), st.integers(0, 2))
CODES = st.lists(st.integers(0, 255), min_size=1, max_size=4)
PACKETS = st.one_of(
    st.builds(
        Connect,
        TEXT,
        st.just(5),
        st.booleans(),
        st.integers(0, 65535),
        st.none() | TEXT,
        st.none() | BYTES,
        st.none() | WILLS,
        st.fixed_dictionaries(
            {},
            optional={
                "session_expiry_interval": SECONDS,
                "receive_maximum": IDS,
                "maximum_packet_size": st.integers(1, 0xFFFFFFFF),
                "user_property": PAIRS,
            },
        ),
    ),
    st.builds(Connack, st.booleans(), st.integers(0, 255), REASONED),
    publishes(),
    st.builds(
        Ack,
        st.sampled_from([PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]),
        IDS,
        st.integers(0, 255),
        REASONED,
    ),
    st.builds(Subscribe, IDS, st.lists(st.tuples(TEXT, OPTIONS), min_size=1, max_size=3)),
    st.builds(Suback, IDS, CODES, REASONED),
    st.builds(Unsubscribe, IDS, st.lists(TEXT, min_size=1, max_size=3)),
    st.builds(Unsuback, IDS, CODES, REASONED),
    st.builds(Pingreq),
    st.builds(Pingresp),
    st.builds(Disconnect, st.integers(0, 255), REASONED),
    st.builds(Auth, st.integers(0, 255), REASONED),
)


@given(st.lists(PACKETS, min_size=1, max_size=4), st.integers(1, 50))
def test_what_was_encoded_is_decoded_again(packets, chunk):
    """Packets survive encoding, however the stream is cut."""
    stream = b"".join(encode(packet, 5) for packet in packets)
    decoder = Decoder(version=5)
    pieces = [stream[start : start + chunk] for start in range(0, len(stream), chunk)]
    decoded = [packet for piece in pieces for packet, _ in decoder.feed(piece)]
    assert decoded == packets


SUBSCRIBES = st.builds(Subscribe, IDS, st.lists(st.tuples(TEXT, QOS.map(SubscribeOptions)), min_size=1))


@given(publishes() | SUBSCRIBES)
def test_older_versions_drop_properties(packet):
    """3.1.1 carries the same packets without properties."""
    ((decoded, _),) = Decoder(version=4).feed(encode(packet, 4))
    packet.properties = {}
    assert decoded == packet


@given(PACKETS, st.data())
def test_mutated_packets_raise_nothing_but_protocol_errors(packet, data):
    """Whatever happens to the bytes of a packet, the decoder returns packets or refuses."""
    stream = bytearray(encode(packet, 5))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(stream) - 1))
        stream[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        list(Decoder(version=data.draw(st.sampled_from([3, 4, 5]))).feed(bytes(stream)))


@given(st.integers(0, 268_435_455))
def test_variable_byte_integers_round_trip(value):
    assert Reader(varint(value)).varint() == value


# version, bytes, reason
REFUSED = [
    pytest.param(5, "00 00", Reason.MALFORMED_PACKET, id="packet type 0"),
    pytest.param(5, "c1 00", Reason.MALFORMED_PACKET, id="reserved flags of PINGREQ"),
    pytest.param(5, "82 ff ff ff ff 7f", Reason.MALFORMED_PACKET, id="remaining length of five bytes"),
    pytest.param(5, "36 06 00 01 61 00 01 00", Reason.MALFORMED_PACKET, id="QoS 3"),
    pytest.param(5, "38 04 00 01 61 00", Reason.MALFORMED_PACKET, id="DUP with QoS 0"),
    pytest.param(5, "32 06 00 01 61 00 00 00", Reason.PROTOCOL_ERROR, id="packet identifier 0"),
    pytest.param(5, "30 05 00 02 c3 28 00", Reason.MALFORMED_PACKET, id="topic is not UTF-8"),
    pytest.param(5, "30 04 00 01 00 00", Reason.MALFORMED_PACKET, id="topic contains NUL"),
    pytest.param(5, "30 06 00 01 61 02 01 02", Reason.PROTOCOL_ERROR, id="payload format 2"),
    pytest.param(5, "30 08 00 01 61 04 01 01 01 01", Reason.PROTOCOL_ERROR, id="property twice"),
    pytest.param(5, "30 07 00 01 61 03 23 00 00", Reason.TOPIC_ALIAS_INVALID, id="topic alias 0"),
    pytest.param(5, "30 07 00 01 61 03 21 00 09", Reason.MALFORMED_PACKET, id="property of another packet"),
    pytest.param(5, "30 05 00 01 61 05 01", Reason.MALFORMED_PACKET, id="properties longer than the packet"),
    pytest.param(5, "82 03 00 01 00", Reason.PROTOCOL_ERROR, id="SUBSCRIBE without a filter"),
    pytest.param(5, "82 07 00 01 00 00 01 61 03", Reason.MALFORMED_PACKET, id="subscription QoS 3"),
    pytest.param(5, "82 07 00 01 00 00 01 61 30", Reason.MALFORMED_PACKET, id="retain handling 3"),
    pytest.param(4, "82 06 00 01 00 01 61 04", Reason.MALFORMED_PACKET, id="no local before MQTT 5"),
    pytest.param(4, "f0 00", Reason.MALFORMED_PACKET, id="AUTH before MQTT 5"),
    pytest.param(4, "40 03 00 01 00", Reason.MALFORMED_PACKET, id="reason code before MQTT 5"),
    pytest.param(4, "10 0c 00 04 4d 51 54 54 06 02 00 3c 00 00", Reason.UNSUPPORTED_PROTOCOL_VERSION, id="level 6"),
    pytest.param(4, "10 0c 00 04 4d 51 54 54 04 03 00 3c 00 00", Reason.MALFORMED_PACKET, id="reserved CONNECT flag"),
    pytest.param(4, "10 0c 00 04 4d 51 54 54 04 42 00 3c 00 00", Reason.MALFORMED_PACKET, id="password only"),
]


@pytest.mark.parametrize(("version", "data", "reason"), REFUSED)
def test_what_the_standard_forbids_is_refused(version, data, reason):
    with pytest.raises(ProtocolError) as refused:
        list(Decoder(version=version).feed(bytes.fromhex(data)))
    assert refused.value.reason is reason


def test_a_packet_above_the_limit_is_refused_before_it_arrived():
    with pytest.raises(ProtocolError) as refused:
        list(Decoder(max_packet_size=100).feed(b"\x30\xff\x01"))
    assert refused.value.reason is Reason.PACKET_TOO_LARGE


def test_acknowledgements_look_as_recorded():
    """Recording mqtt_pubrec_denied."""
    assert encode(Ack(PacketType.PUBREC, 1, Reason.NOT_AUTHORIZED), 5).hex() == "500400018700"
    assert encode(Ack(PacketType.PUBREC, 2, Reason.NO_MATCHING_SUBSCRIBERS), 5).hex() == "500400021000"
    assert encode(Disconnect(Reason.ADMINISTRATIVE_ACTION), 5).hex() == "e0029800"
