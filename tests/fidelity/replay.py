"""Drive a reference deployment with a recorded script and compare what it shows."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.reference.defects import NO_TRAITS
from tests.fidelity.comparison import Comparison, pointed
from tests.fidelity.http_exchange import RestClient, recorded_answer
from tests.fidelity.listed import Mode, listed_differences
from tests.fidelity.live import (
    LiveDeployment,
    add_api_keys,
    age_retained,
    authorization_headers,
    gather_writes,
    report_statistics,
)
from tests.fidelity.mqtt_clients import MqttClients
from tests.fidelity.observations import Watcher, watcher_for
from tests.fidelity.recording import Script, Step
from tests.fidelity.sink import RECORDED_PORT, Sink
from tests.recorded import RECORDED
from tests.waiting import PATIENCE_S

RECORDED_MQTT_PORT = 1883
POLL_INTERVAL = 0.02
# Of a step that is listed as different, longer waiting shows nothing new: the reference is immediate.
LISTED_SECONDS = 1.0
# After so many seconds the recorded server reports the statistics of a client.
REPORTED_AFTER = 15
# Where a script waits for something to expire, a second of the recording is as long as this many of the replay, so that
# nothing expires before. Nobody waits for them: messages are made older.
TIME_SCALE = 1000

_AUTHENTICATOR = "/api/v5/authentication/password_based%3Abuilt_in_database"
_SOURCES = "/api/v5/authorization/sources"


@dataclass(frozen=True, slots=True)
class Difference:
    """A step that did not show what was recorded."""

    step: Step
    lines: list[str]


@dataclass(slots=True)
class Outcome:
    """What replaying one script showed; ``exchanges`` counts the compared steps."""

    script: str
    exchanges: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> int:
        return self.exchanges - len(self.differences)


def replay(script: Script, mode: Mode) -> Outcome:
    """Run ``script`` against a fresh deployment, with the traits of the recorded server or none."""
    player = _Player(mode, {step for name, step in listed_differences(mode) if name == script.name})
    try:
        return player.play(script)
    finally:
        player.close()


class _Player:
    def __init__(self, mode: Mode, listed: set[str]) -> None:
        self._listed = listed
        self._time_scale = 1
        self._deployment = LiveDeployment(traits=RECORDED if mode == "recorded" else NO_TRAITS)
        self._sink = Sink()
        self._rest = RestClient(self._deployment.rest, authorization_headers())
        self._mqtt = MqttClients(self._deployment.mqtt)
        self._captured: dict[str, str] = {}
        self._last_text = ""
        self._watcher: Watcher | None = None
        # Recorded endpoints of the machine -> those of this replay.
        self._ports = {RECORDED_PORT: self._sink.port, RECORDED_MQTT_PORT: self._deployment.mqtt[1]}

    def close(self) -> None:
        self._mqtt.close()
        self._sink.close()
        self._deployment.close()

    def play(self, script: Script) -> Outcome:
        outcome = Outcome(script.name)
        self._time_scale = TIME_SCALE if any("wait" in step.line for step in script.steps) else 1
        for step, following in zip(script.steps, [*script.steps[1:], None], strict=True):
            if following is not None and "observation" in following.line:
                self._watcher = watcher_for(following.line["observation"], self._deployment.mqtt)
            lines = self._run(step)
            outcome.exchanges += step.compared
            if lines:
                outcome.differences.append(Difference(step, lines))
        return outcome

    def _run(self, step: Step) -> list[str]:
        line = step.line
        try:
            if "request" in line:
                return self._request(step)
            if "burst" in line:
                return self._compared(step, "burst", {**line["burst"], "result": self._burst(line["burst"])})
            if "mqtt" in line:
                return self._mqtt_step(step)
            if "sink" in line:
                sink = line["sink"]
                taken = self._sink.take(sink["requests"], self._patience(step))
                return self._compared(step, "sink", {**sink, "requests": taken})
            if "observation" in line:
                assert self._watcher is not None  # no script begins with an observation
                return self._compared(step, "observation", self._watcher(self._last_text))
            if "fixture" in line:
                self._fixture(line["fixture"])
            if "wait" in line:
                seconds = line["wait"]["seconds"] * self._time_scale
                self._deployment.call(lambda deployment: age_retained(deployment, seconds))
        except Exception as error:  # whatever breaks a step is a difference of that step
            return [f"{type(error).__name__}: {error}"]
        return []

    def _patience(self, step: Step) -> float:
        """Seconds to wait for what a step shall show."""
        return LISTED_SECONDS if step.name in self._listed else PATIENCE_S

    def _request(self, step: Step) -> list[str]:
        request = self._prepared(step.line["request"])
        recorded = recorded_answer(step.line["response"])
        comparison = Comparison([f"/body{pointer}" for pointer in step.volatile], [f"/body{p}" for p in step.unordered])
        poll = step.line.get("poll")
        deadline = time.monotonic() + (self._patience(step) if poll else 0)
        while True:
            answer = self._rest.send(request)
            seen = json.loads(self._moved(json.dumps(answer.shown, ensure_ascii=False), back=True))
            lines = comparison.differences(recorded, seen)
            if step.line.get("status_varies"):
                lines = [line for line in lines if not line.startswith("/status:")]
            if not lines or time.monotonic() >= deadline:
                break
            if poll and poll["timeout_s"] > REPORTED_AFTER:
                self._deployment.call(report_statistics)
            time.sleep(POLL_INTERVAL)
        self._last_text = answer.text
        for name, pointer in step.line.get("capture", {}).items():
            self._captured[name] = str(pointed(seen.get("body"), pointer))
        return lines

    def _prepared(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request with captured values and the ports of this replay filled in."""
        filled = dict(request)
        for name, template in request.items():
            if name.endswith("_template"):
                text = json.dumps(template)
                for variable, value in self._captured.items():
                    text = text.replace("{{" + variable + "}}", json.dumps(value)[1:-1])
                filled[name.removesuffix("_template")] = json.loads(text)
        for name in ("body", "body_text"):
            if name in filled:
                filled[name] = json.loads(self._moved(json.dumps(filled[name])))
        properties = filled["body"].get("properties", {}) if isinstance(filled.get("body"), dict) else {}
        if "message_expiry_interval" in properties and self._time_scale != 1:
            properties["message_expiry_interval"] *= self._time_scale
        return filled

    def _moved(self, text: str, *, back: bool = False) -> str:
        for recorded, real in self._ports.items():
            old, new = (real, recorded) if back else (recorded, real)
            text = re.sub(rf"\b127\.0\.0\.1:{old}\b", f"127.0.0.1:{new}", text)
        return text

    def _burst(self, burst: dict[str, Any]) -> dict[str, int]:
        request = self._prepared(
            {"method": burst["method"], "path": burst["path"], "body": burst["body"]}
            | {"headers": {"authorization": "basic-valid", "content-type": "application/json"}}
        )
        scatter = self._deployment.call(lambda deployment: gather_writes(deployment, burst["n"]))
        with ThreadPoolExecutor(burst["n"]) as pool:
            answers = list(pool.map(lambda _: self._rest.send(request).shown, range(burst["n"])))
        self._deployment.call(scatter)
        return dict(Counter(_summary(answer) for answer in answers))

    def _mqtt_step(self, step: Step) -> list[str]:
        recorded = step.line["mqtt"]
        result = self._mqtt.run(recorded, self._patience(step))
        if result is None:
            return []
        seen = {**recorded, **result} if recorded["op"] == "state" else {**recorded, "result": result}
        unordered = ["/mqtt/result/messages"] if recorded.get("unordered") else []
        return Comparison(step.volatile, unordered).differences({"mqtt": recorded}, {"mqtt": seen})

    def _compared(self, step: Step, kind: str, seen: dict[str, Any]) -> list[str]:
        return Comparison(step.volatile, step.unordered).differences({kind: step.line[kind]}, {kind: seen})

    def _fixture(self, fixture: dict[str, Any]) -> None:
        for name, value in fixture.items():
            match name:
                case "authn_enabled":
                    body = {"mechanism": "password_based", "backend": "built_in_database", "enable": value}
                    self._set_up("PUT", _AUTHENTICATOR, body)
                case "authz_builtin_enabled":
                    body = {"type": "built_in_database", "enable": value}
                    self._set_up("PUT", f"{_SOURCES}/built_in_database", body)
                case "authz_builtin_present" if value:
                    self._set_up("POST", _SOURCES, {"type": "built_in_database"})
                case "authz_builtin_present":
                    self._set_up("DELETE", f"{_SOURCES}/built_in_database")
                case "retainer_enabled":
                    self._set_up("PUT", "/api/v5/mqtt/retainer", {"enable": value})
                case "api_keys":
                    self._deployment.call(partial(add_api_keys, keys=value))
                case _:
                    raise ValueError(f"unknown fixture {name!r}")

    def _set_up(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        request: dict[str, Any] = {"method": method, "path": path, "headers": {"authorization": "basic-valid"}}
        if body is not None:
            request["headers"]["content-type"] = "application/json"
            request["body"] = body
        answer = self._rest.send(request)
        if answer.shown["status"] >= 300:
            raise RuntimeError(f"{method} {path} answered {answer.shown['status']} {answer.text}")


def _summary(answer: dict[str, Any]) -> str:
    body = answer.get("body")
    code = body.get("code") if isinstance(body, dict) else None
    return f"{answer['status']} {code}" if code else str(answer["status"])
