"""Values that connectors and actions refuse although the schemas of the contract let them pass.

The document types addresses, durations and sizes as plain texts, and says in words alone, or nowhere, which fields need
each other. All that stands here EMQX 5.8.9 was seen to refuse with 400; where a number stands beside it, since that
pull request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from conformance.contract.contract import Contract
from conformance.contract.fields import every_field

Changes = Mapping[str, Any]
"""Fields by their dotted path; `GONE` for one that is left out."""

GONE = object()

_NOWHERE = "nowhere.invalid"
_NO_PORT = f"{_NOWHERE}:99999"


@dataclass(frozen=True, slots=True)
class Impossible:
    """``changes`` make of a valid body one that is refused; ``example``: the contract's example that it is, else the
    first one of the type."""

    changes: Changes
    example: str | None = None

    @property
    def shown(self) -> str:
        """The changes, as a message tells them."""
        return ", ".join(
            f"without {path}" if value is GONE else f"{path} {value!r}" for path, value in self.changes.items()
        )

    def make(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of a body with the changes."""
        changed = deepcopy(dict(body))
        for path, value in self.changes.items():
            *above, name = path.split(".")
            holder = changed
            for each in above:
                holder = holder.setdefault(each, {})
            if value is GONE:
                holder.pop(name, None)
            else:
                holder[name] = value
        return changed


def _addresses(field: str, *more: str) -> tuple[Impossible, ...]:
    """No address, and one whose port is none."""
    return tuple(Impossible({field: text}) for text in ("", _NO_PORT, *more))


_EMPTY_KEY = Impossible({"parameters.partition_strategy": "key_dispatch", "parameters.message.key": ""})  # 10841
_UNTAGGED = [{"metric": "${metric}", "tags": {}, "value": "${value}"}]
_SERVER = _addresses("server", f"http://{_NOWHERE}:9")

_NO_URLS = ("", f"{_NOWHERE}:9", f"ftp://{_NOWHERE}:9", f"http://{_NO_PORT}", f"http://{_NOWHERE}:9/#part")

_CONNECTORS: Mapping[str, tuple[Impossible, ...]] = {
    "azure_blob_storage": (Impossible({"account_key": "%"}),),
    "cassandra": _addresses("servers"),
    "clickhouse": (Impossible({"url": f"http://{_NOWHERE}:9/?q=1"}),),
    "couchbase": _addresses("server"),
    "elasticsearch": _addresses("server"),
    "gcp_pubsub_producer": (Impossible({"service_account_json": "{}"}), Impossible({"service_account_json": "none"})),
    "greptimedb": _addresses("server"),
    "http": (  # 10463, #13273, #10930
        *(Impossible({"url": url}) for url in _NO_URLS),
        *(Impossible({"connect_timeout": timeout}) for timeout in ("50d", "soon")),
    ),
    "influxdb": _addresses("server"),
    "iotdb": (Impossible({"base_url": ""}),),
    "kafka_producer": (*_addresses("bootstrap_hosts"), Impossible({"socket_opts.tcp_keepalive": "x"})),  # 11003
    "mongodb": _addresses("parameters.server"),
    "mqtt": _SERVER,
    "mysql": _SERVER,
    "oracle": (Impossible({"sid": GONE, "service_name": GONE}),),  # 10892
    "pgsql": (*_SERVER, Impossible({"username": GONE})),  # 11225
    "pulsar": (Impossible({"servers": ""}), Impossible({"servers": f"http://{_NOWHERE}:9"})),
    "redis": (*_addresses("parameters.server"), Impossible({"parameters.database": -1})),  # 11039
    "rocketmq": _addresses("servers"),
    "snowflake": (Impossible({"account": "none"}),),
    "sqlserver": _addresses("server"),
    "syskeeper_forwarder": _addresses("server"),
    "tdengine": _addresses("server"),
}

_ACTIONS: Mapping[str, tuple[Impossible, ...]] = {
    "azure_blob_storage": (Impossible({"parameters.max_block_size": "5gb"}),),
    "azure_event_hub_producer": (_EMPTY_KEY,),
    "confluent_producer": (_EMPTY_KEY,),
    "http": (  # 11106, #10930
        Impossible({"resource_opts.worker_pool_size": 1025}),
        Impossible({"resource_opts.request_ttl": "50d"}),
    ),
    "iotdb": (Impossible({"parameters.data": []}),),
    "kafka_producer": (
        _EMPTY_KEY,
        Impossible({"parameters.kafka_headers": "no placeholder"}),  # 11079
        Impossible({"parameters.buffer.mode": "disk", "parameters.topic": "t-${clientid}"}),
    ),
    "kinesis": (Impossible({"resource_opts.batch_size": 501}),),
    "mqtt": (Impossible({"parameters.topic": ""}),),
    "opents": (Impossible({"parameters.data": _UNTAGGED}),),
    "pulsar": (Impossible({"parameters.strategy": "key_dispatch", "parameters.message.key": ""}),),  # 10841
    "redis": (Impossible({"parameters.command_template": []}),),
    "s3": (Impossible({"parameters.key": "${clientid}"}, "s3_aggregated"),),  # 13227
}

_OPTIONS: tuple[Impossible, ...] = (
    Impossible({"resource_opts.health_check_interval": "0s"}),  # 10726
    Impossible({"resource_opts.health_check_interval": "61m"}),
    Impossible({"resource_opts.start_timeout": "50d"}),  # 10930
)
"""Of every type that has the option."""


def impossible(contract: Contract, label: str, resource_type: str) -> Iterator[Impossible]:
    """What a connector or action of a type (``label``: POST /connectors or POST /actions) cannot be."""
    schema = contract.body_schema(label, resource_type) or {}
    known = {".".join(path) for path, _ in every_field(contract, schema)}
    yield from (one for one in _OPTIONS if one.changes.keys() <= known)
    yield from (_CONNECTORS if label == "POST /connectors" else _ACTIONS).get(resource_type, ())
