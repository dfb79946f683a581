"""The recorded exchanges with a live EMQX 5.8.9, matched to the operations of the contract."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from conformance.contract import Contract, Operation

FOLDER = Path(__file__).parent.parent / "data" / "recordings"
PREFIX = "/api/v5"


@dataclass(frozen=True)
class Exchange:
    """``name`` is script/step; ``resource_type``: the type in the id of a PUT of a connector or action."""

    name: str
    operation: Operation
    resource_type: str | None
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def status(self) -> int:
        return self.response["status"]


def exchanges(contract: Contract) -> Iterator[Exchange]:
    """All exchanges of the operations in the contract that ended without a server error."""
    templates = [(_pattern(operation.path), operation) for operation in contract.operations.values()]
    templates.sort(key=lambda template: template[1].path.count("{"))
    for file in sorted(FOLDER.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            step = json.loads(line)
            if "response" in step and step["response"]["status"] < 500:
                yield from _matched(step, templates)


def _matched(step: dict[str, Any], templates: list[tuple[re.Pattern[str], Operation]]) -> Iterator[Exchange]:
    request = step["request"]
    for pattern, operation in templates:
        # Only the colon of the authenticator's id is written encoded where a template has it plain.
        match = pattern.fullmatch(request["path"].replace("%3A", ":"))
        if match and operation.method == request["method"]:
            typed = operation.body_chosen_by_type and operation.method == "PUT"
            resource_type = unquote(match[1]).partition(":")[0] if typed else None
            yield Exchange(f"{step['script']}/{step['step']}", operation, resource_type, request, step["response"])
            return


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(PREFIX + re.sub(r"\\\{\w+\\\}", "([^/]*)", re.escape(path)) + "/?")
