"""What packages of one's own requirements are written against; everything else of the suite may change at any time.

``VERSION`` grows when something here is changed or taken away; what is added leaves it as it is. Fixtures that pytest
hands to their tests: ``target`` (`Target`), ``sandbox`` (`Sandbox`), ``api`` (`Api`), ``contract`` (`Contract`),
``capabilities`` (`Capabilities`) and ``sink`` (`HttpSink`). How it goes together: docs/extending.md.
"""

from conformance.checks.additional import Judgment, answer_check
from conformance.checks.extensions import API_VERSION as VERSION
from conformance.contract import Contract, Operation
from conformance.omission import not_demanded
from conformance.requirements import requirement
from conformance.target.capabilities import CAPABILITIES, Capabilities
from conformance.target.guard.mode import Mode
from conformance.target.guard.sandbox import Sandbox
from conformance.target.http.answer import Answer, Deviation
from conformance.target.http.session import Api
from conformance.target.mqtt import MqttClient, MqttError
from conformance.target.sink import Delivery, HttpSink
from conformance.target.target import Target
from conformance.target.timing import Timing, eventually

__all__ = [
    "CAPABILITIES",
    "VERSION",
    "Answer",
    "Api",
    "Capabilities",
    "Contract",
    "Delivery",
    "Deviation",
    "HttpSink",
    "Judgment",
    "Mode",
    "MqttClient",
    "MqttError",
    "Operation",
    "Sandbox",
    "Target",
    "Timing",
    "answer_check",
    "eventually",
    "not_demanded",
    "requirement",
]
