"""How many requests a core of the reference deployment answers, and how long its start takes.

Sixteen keep-alive connections; requests per second of the server's own CPU time, so that the load generator and other
programs on the machine do not count. Run: python benchmarks/reference_http.py [SECONDS]
"""

from __future__ import annotations

import asyncio
import base64
import os
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from conformance.reference.embedded import EmbeddedDeployment, start_embedded

CONNECTIONS = 16
PATHS = ("/rules", "/action_types", "/clients?page=1&limit=10")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def load(target: EmbeddedDeployment, path: str, seconds: float) -> float:
    """Requests answered per second of the server's CPU time."""
    host, port = urlsplit(target.base_url).netloc.split(":")
    credentials = base64.b64encode(f"{target.api_key}:{target.api_secret}".encode()).decode()
    request = f"GET /api/v5{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {credentials}\r\n\r\n".encode()
    deadline = time.perf_counter() + seconds
    count = 0

    async def connection() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < deadline:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            count += 1
        writer.close()

    before = cpu_seconds(target.pid)
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return count / (cpu_seconds(target.pid) - before)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    starts = []
    for _ in range(5):
        started = time.perf_counter()
        with start_embedded():
            starts.append(time.perf_counter() - started)
    print(f"start until ready: median {statistics.median(starts):.3f} s")
    with start_embedded() as target:
        for path in PATHS:
            print(f"GET {path:26} {asyncio.run(load(target, path, seconds)):8.0f} per second of CPU")


if __name__ == "__main__":
    main()
