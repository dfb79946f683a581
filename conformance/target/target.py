"""The target as a scenario sees it: ``target.rules.create(...)``, ``target.publish(...)``, ``target.connect(...)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from conformance.contract import Contract
from conformance.contract.kinds import Kind
from conformance.contract.versions import is_later
from conformance.target.addresses import is_loopback
from conformance.target.capabilities import Capabilities
from conformance.target.guard.sandbox import Sandbox, bare_topic
from conformance.target.http.answer import Answer
from conformance.target.http.session import Api
from conformance.target.journal.journal import Journal
from conformance.target.journal.resource import Resource
from conformance.target.mqtt import PROBE, MqttClient, MqttError
from conformance.target.resources.access import Bans, ClientRules, UserRules, Users
from conformance.target.resources.bridges import CLOSED_URL, Actions, Connectors
from conformance.target.resources.collection import Collection
from conformance.target.resources.messages import Clients, Retained, Subscriptions
from conformance.target.resources.rules import Rules, Schemas
from conformance.target.settings.config import Configuration
from conformance.target.timing import Timing, eventually
from conformance.target.welcome import Welcome

Value = TypeVar("Value")

Lasting = Callable[[str, Callable[[], str], Callable[[str], bool]], str]
"""Gets a key, what makes something, and whether that still exists; returns its id (`Context.lasting`)."""

Keep = Callable[[str, Resource], None]
"""Gets a key, and something that an item made, which from then on lasts under that key (`Context.keep`)."""

TO_DELETE = "to delete"
"""What `Target.lasting` calls something that the next item to ask for it deletes, and `Target.keep` what may be."""

LONGEST = "with the longest name"
"""What `Target.lasting` calls something whose name, or id, is as long as it may be."""

_BEFORE_ANOTHER_PROBE_S = 1.0


def _anew(_key: str, make: Callable[[], str], _exists: Callable[[str], bool]) -> str:
    """Lets nothing last."""
    return make()


class Target:
    """The collections of a target and its broker, for one item; everything it creates is deleted after the item.

    Fresh names and topics come from ``sandbox``; ``api`` sends anything else.
    """

    def __init__(
        self,
        api: Api,
        contract: Contract,
        sandbox: Sandbox,
        capabilities: Capabilities,
        configuration: Configuration,
        journal: Journal,
        met: Callable[[str, str | None], None] = lambda _client_id, _username: None,
        turn: Callable[[], None] = lambda: None,
        lasting: Lasting = _anew,
        keep: Keep = lambda _key, _resource: None,
    ) -> None:
        self.api = api
        self.contract = contract
        self.sandbox = sandbox
        self.capabilities = capabilities
        self.configuration = configuration
        self._journal = journal
        self.connectors = Connectors(api, sandbox, contract, newer=self.is_newer)
        self.actions = Actions(api, sandbox, contract, self.connector_of)
        self.rules = Rules(api, sandbox)
        self.schemas = Schemas(api, sandbox)
        self.users = Users(api, sandbox)
        self.user_rules = UserRules(api, sandbox)
        self.client_rules = ClientRules(api, sandbox)
        self.bans = Bans(api, sandbox)
        self.clients = Clients(api, sandbox)
        self.subscriptions = Subscriptions(api, sandbox)
        self.retained = Retained(api, sandbox)
        self._collections = {
            collection.kind: collection for collection in vars(self).values() if isinstance(collection, Collection)
        }
        self.welcome = Welcome(capabilities.profile, sandbox, self.users, self.user_rules, self.client_rules)
        self._met = met
        self._turn = turn
        self._lasting = lasting
        self._keep = keep
        self._connections: list[MqttClient] = []

    def of(self, kind: Kind) -> Collection:
        """The collection of a kind, where it has one of its own."""
        return self._collections[kind]

    def lasting(self, collection: Collection, what: str, make: Callable[[], str] | None = None) -> str:
        """The id of an element that serves all items of the worker, and is deleted when that ends.

        A write of the configuration costs a real server 0.2 s. ``what`` tells it from others of the collection; an item
        that asks for it does not mind what others made of it, or leaves it as it was, and does not delete it.
        """
        return self._lasting(
            f"{collection.path}: {what}", make or collection.create, lambda known: collection.get(known).ok
        )

    def keep(self, collection: Collection, identifier: str, *what: str) -> None:
        """Let something that the item made last, for the next that asks for any of ``what`` (see `lasting`)."""
        for each in what:
            self._keep(f"{collection.path}: {each}", Resource(collection.kind.name, identifier))

    def borrow_rule(self, which: str = "", **fields: Any) -> str:
        """The id of a rule with ``fields`` that serves one item after the other; an item has it to itself.

        One PUT in place of a creation and a deletion, for items that ask for what a rule does and not how it came into
        being. It counts from 0; what does not become as it is asked to be is deleted, and another rule made.
        ``which``: for an item that needs several, and for rules whose actions count later than the item waits.
        """
        return self._borrowed(f"rule to borrow {which}", fields)

    def rule_to_delete(self, **fields: Any) -> str:
        """As `borrow_rule`, for an item that deletes it: one that another item is done with (`keep`), if there is."""
        return self._borrowed(f"{self.rules.path}: {TO_DELETE}", fields)

    def _borrowed(self, key: str, fields: Mapping[str, Any]) -> str:
        def becomes(known: str) -> bool:
            serves = self.rules.becomes(known, **fields)
            if not serves:
                self.rules.delete(known)  # beside the next one, it may do everything once more
            return serves

        return self._lasting(key, lambda: self.rules.create(**fields), becomes)

    def borrow_republishing(self, source: str, destination: str, **arguments: Any) -> str:
        """As `borrow_rule`, with the ``arguments`` of `Rules.republishing`."""
        return self.borrow_rule(**self.rules.republishing(source, destination, **arguments))

    def printing(self) -> tuple[str, str]:
        """A rule that prints what is published on its topic; its id and topic. It counts from 0.

        It serves all items of the worker: none changes it.
        """

        def prints(known: str) -> bool:
            read = self.rules.found(known)
            as_created = read.get("enable") is True and read.get("actions") == [{"function": "console"}]
            return as_created and len(read.get("from", ())) == 1 and self.rules.restart(known)

        rule = self._lasting(f"{self.rules.path}: shared", self.rules.create, prints)
        return rule, self.rules.read(rule)["from"][0]

    def running(self, sink_url: str) -> str:
        """The id of a connected HTTP connector to the sink that serves all items of the worker."""
        return self.lasting(self.connectors, f"to {sink_url}", lambda: self.connectors.running(sink_url))

    def leading_nowhere(self) -> str:
        """The id of an enabled HTTP connector to a closed port that serves all items of the worker."""
        return self.lasting(
            self.connectors, "to nowhere", lambda: self.connectors.running(CLOSED_URL, resource_opts=None)
        )

    def connector_of(self, resource_type: str) -> str:
        """The id of a disabled connector of a type that serves all items of the worker: actions are created on it."""
        return self.lasting(
            self.connectors, f"of actions {resource_type}", lambda: self.connectors.create(type=resource_type)
        )

    @property
    def is_newer(self) -> bool:
        """Whether it is of a later release than the one that its contract describes."""
        return is_later(self.capabilities.version, self.contract.version)

    @property
    def timing(self) -> Timing:
        """How long the target may take."""
        return self.api.timing

    def eventually(self, probe: Callable[[], Value], within_s: float | None = None) -> Value:
        """Call ``probe`` until it returns something true or the time is over; returns its last value.

        ``within_s``: seconds, by default what a conformant target may take for an effect (``timing.eventually``).
        """
        return eventually(probe, self.timing.eventually if within_s is None else within_s)

    def publish(self, topic: str, payload: str = "", **fields: Any) -> Answer:
        """Publish through the API; 200 (delivered) and 202 (nobody subscribed) are both fine, others fail the item."""
        self.capabilities.profile.limits.check_size(
            topic, len(payload.encode(errors="surrogatepass")), retain=fields.get("retain") is True
        )
        body = {"topic": topic, "payload": payload, **fields}
        return self.api.call("POST /publish", json=body).expect(200, 202)

    def mqtt(
        self, client_id: str | None = None, *, known: bool = True, allowed: bool = True, **options: Any
    ) -> MqttClient:
        """An MQTT client of the sandbox, not yet connected; ``options`` as of `MqttClient`.

        It is closed after the item. Needs the capability mqtt. The client is made welcome (see `Welcome`): unless
        ``known`` is false it gets a user where the target demands one, and unless ``allowed`` is false it gets rules
        for the topics of the sandbox where the target denies what no rule speaks of.
        """
        assert self.configuration.mqtt is not None, "needs('mqtt') is missing on the test"
        name = client_id or self.sandbox.name("client")
        if known:
            options |= self.welcome.login(name, options)
        if allowed:
            self.welcome.allow_client(name)
        options.setdefault("ca_bundle", self.configuration.ca_bundle)
        self._met(name, options.get("username"))
        client = MqttClient(
            self.configuration.mqtt,
            name,
            journal=self._journal,
            owned=self.sandbox,
            allowed=self.capabilities.profile.limits,
            settle=self.api.settling.wait,
            turn=self._turn,
            timing=self.timing,
            **options,
        )
        self._connections.append(client)
        return client

    def connect(self, client_id: str | None = None, **options: Any) -> MqttClient:
        """As `mqtt`, connected and known to the API; raises `MqttError` if the broker refuses."""
        client = self.mqtt(client_id, **options).connect()
        self.eventually(lambda: self.clients.get(client.client_id).ok)
        return client

    def listen(self, topic_filter: str, qos: int | None = None, **options: Any) -> MqttClient:
        """As `connect`, subscribed to a topic filter; raises `MqttError` if the broker refuses the subscription."""
        client = self.connect(**options)
        qos = self.capabilities.profile.limits.subscribing(1) if qos is None else qos
        granted = client.subscribe(topic_filter, qos)
        if granted > qos:
            raise MqttError(f"SUBSCRIBE to {topic_filter} refused with reason code 0x{granted:02X}", granted)
        return client

    def subscriber(self, topic_filter: str, qos: int | None = None, **options: Any) -> MqttClient:
        """As `listen`, by default with the highest QoS the target allows; a message arrives before this returns.

        For a cluster may take a moment to know a subscription. If nothing arrives within the bound of `eventually`, it
        returns nevertheless: that is for the item to notice.
        """
        limits = self.capabilities.profile.limits
        qos = limits.subscribing(limits.max_qos) if qos is None else qos
        client = self.listen(topic_filter, qos, **options)
        self.await_route(topic_filter, client)
        return client

    def retain_probe(self, topic: str) -> str:
        """Retain a probe on ``topic``, so that a new subscriber can tell when it has got what is retained there.

        A target may send that any time after it granted the subscription, as it is then: a message that was retained
        meanwhile comes twice. Returns the payload, which `MqttClient.received_probe` takes.
        """
        payload = f"{PROBE}{self.sandbox.name()}"
        self.retained.create(topic=topic, payload=payload)
        return payload

    def subscriber_to_retained(self, topic: str, qos: int | None = None, **options: Any) -> MqttClient:
        """As `subscriber`, for a topic that messages will be retained on: what was retained before has arrived."""
        if self.capabilities.no_retainer is not None:
            return self.subscriber(topic, qos, **options)
        payload = self.retain_probe(topic)
        client = self.subscriber(topic, qos, **options)
        client.wait_for_probe(payload)
        return client

    def await_route(self, topic_filter: str, *receivers: MqttClient) -> None:
        """Publish probes to ``topic_filter`` until one of its subscribers, ``receivers``, gets one."""
        topic = bare_topic(topic_filter).replace("#", "probe").replace("+", "probe")

        def arrived() -> bool:
            payload = f"{PROBE}{self.sandbox.name()}"
            delivered = self.publish(topic, payload).status == 200
            return delivered and eventually(
                lambda: any(receiver.received_probe(payload) for receiver in receivers), _BEFORE_ANOTHER_PROBE_S
            )

        self.eventually(arrived)

    def await_no_route(self, topic: str) -> None:
        """Publish probes to ``topic`` until it has no subscribers."""
        self.eventually(lambda: self.publish(topic, PROBE).status == 202)

    def offline_session(self, topic_filter: str, qos: int | None = None) -> str:
        """Client id of a session that holds what is published to ``topic_filter`` for a client that is away."""
        qos = self.capabilities.profile.limits.subscribing(2) if qos is None else qos
        client = self.subscriber(topic_filter, qos=qos, session_expiry_s=300)
        client.close()
        self.eventually(lambda: self.clients.read(client.client_id)["connected"] is False)
        return client.client_id

    @property
    def shares_loopback(self) -> bool:
        """Whether an address on loopback means the same to the target as to the suite: it reaches the sink there."""
        sink_host, _ = self.configuration.sink_address("main")
        return self.configuration.on_loopback and self.capabilities.no_sink is None and is_loopback(sink_host)

    def close(self) -> None:
        """Close the item's MQTT clients."""
        for client in self._connections:
            client.close()
        self._connections.clear()
