"""Figures of the reference deployment's broker: latency from REST to MQTT, throughput by QoS, many clients.

``python benchmarks/mqtt_broker.py [--messages N] [--clients N]`` starts a deployment of its own and prints what it
measured; nothing is judged. Throughput includes the Python clients at both ends, which share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import socket
import statistics
import time
from base64 import b64encode
from pathlib import Path
from sys import path

path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance.reference.embedded import EmbeddedDeployment, start_embedded
from conformance.reference.mqtt.decoder import Decoder
from conformance.reference.mqtt.encoder import encode, publish_bytes
from conformance.reference.mqtt.packets import Ack, Connect, Packet, PacketType, Publish, Subscribe, SubscribeOptions

PAYLOAD = b"x" * 100
VERSION = 5


class Client:
    """A minimal asyncio client: it acknowledges what it receives and counts."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name = port, name
        self.decoder = Decoder(version=VERSION)
        self.published = 0
        self.acknowledged = 0
        self.arrived = asyncio.Event()

    async def start(self) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.write(Connect(self.name))
        await self.turn()
        return self

    def write(self, *packets: Packet) -> None:
        self.writer.write(b"".join(encode(packet, VERSION) for packet in packets))

    async def turn(self) -> None:
        """Handle what the next read brings."""
        for packet, _ in self.decoder.feed(await self.reader.read(1 << 16)):
            if isinstance(packet, Publish):
                self.published += 1
                if packet.qos:
                    kind = PacketType.PUBACK if packet.qos == 1 else PacketType.PUBREC
                    self.write(Ack(kind, packet.packet_id))
            elif isinstance(packet, Ack):
                self.acknowledged += packet.type in (PacketType.PUBACK, PacketType.PUBCOMP)
                if packet.type is PacketType.PUBREC:
                    self.write(Ack(PacketType.PUBREL, packet.packet_id))
                elif packet.type is PacketType.PUBREL:
                    self.write(Ack(PacketType.PUBCOMP, packet.packet_id))


async def throughput(port: int, qos: int, messages: int) -> float:
    """Messages per second from one publisher to one subscriber with at most 20 unacknowledged."""
    receiver, sender = await Client(port, f"r{qos}").start(), await Client(port, f"s{qos}").start()
    receiver.write(Subscribe(1, [("bench", SubscribeOptions(qos=qos))]))
    await receiver.turn()
    started = time.perf_counter()
    await asyncio.gather(_receive(receiver, messages), _send(sender, qos, messages))
    elapsed = time.perf_counter() - started
    for client in (receiver, sender):
        client.writer.close()
    return messages / elapsed


async def _receive(client: Client, messages: int) -> None:
    while client.published < messages:
        await client.turn()


async def _send(client: Client, qos: int, messages: int) -> None:
    for number in range(messages):
        packet_id = number % 65535 + 1 if qos else 0
        client.writer.write(publish_bytes("bench", PAYLOAD, qos, False, False, packet_id, {}, VERSION))
        if not qos and number % 50 == 0:
            await client.writer.drain()
            await asyncio.sleep(0)
        while qos and number - client.acknowledged >= 20:
            await client.turn()


def latencies(deployment: EmbeddedDeployment, port: int, rounds: int) -> list[float]:
    """Milliseconds from sending POST /publish to the message at a subscriber, one at a time."""
    authorization = b64encode(f"{deployment.api_key}:{deployment.api_secret}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {authorization}"}
    body = json.dumps({"topic": "bench/rest", "payload": "x"})
    rest = http.client.HTTPConnection(deployment.base_url.split("/")[2])
    rest.connect()
    rest.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found = []
    with socket.create_connection(("127.0.0.1", port)) as subscriber:
        decoder = Decoder(version=VERSION)
        for packet in (Connect("latency"), Subscribe(1, [("bench/rest", SubscribeOptions())])):
            subscriber.sendall(encode(packet, VERSION))
            list(decoder.feed(subscriber.recv(4096)))
        for _ in range(rounds):
            started = time.perf_counter()
            rest.request("POST", "/api/v5/publish", body, headers)
            list(decoder.feed(subscriber.recv(4096)))
            found.append((time.perf_counter() - started) * 1000)
            rest.getresponse().read()
    rest.close()
    return found


async def connecting(port: int, clients: int) -> float:
    """Seconds until many clients are connected and subscribed."""
    started = time.perf_counter()
    opened = []
    for number in range(clients):
        client = await Client(port, f"many-{number}").start()
        client.write(Subscribe(1, [(f"many/{number}/#", SubscribeOptions(qos=1))]))
        await client.turn()
        opened.append(client)
    elapsed = time.perf_counter() - started
    for client in opened:
        client.writer.close()
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000, help="messages per throughput figure")
    parser.add_argument("--clients", type=int, default=300, help="clients that connect and subscribe")
    parser.add_argument("--rounds", type=int, default=200, help="REST publishes for the latency figure")
    options = parser.parse_args()
    with start_embedded() as deployment:
        assert deployment.mqtt is not None
        port = int(deployment.mqtt.rpartition(":")[2])
        times = sorted(latencies(deployment, port, options.rounds))
        print(f"REST publish to MQTT arrival: median {statistics.median(times):.2f} ms, ", end="")
        print(f"p99 {times[len(times) * 99 // 100]:.2f} ms ({options.rounds} rounds)")
        for qos in (0, 1, 2):
            rate = asyncio.run(throughput(port, qos, options.messages))
            print(f"QoS {qos}: {rate:,.0f} messages/s from one publisher to one subscriber")
        seconds = asyncio.run(connecting(port, options.clients))
        print(f"{options.clients} clients connected and subscribed in {seconds:.2f} s")


if __name__ == "__main__":
    main()
