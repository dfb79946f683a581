"""From the body of POST and PUT /rules to a rule, with the checks of EMQX's configuration layer (behaviour 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conformance.reference.bridges.identifiers import ACTION, parse_id
from conformance.reference.crashes import STATEMENT
from conformance.reference.defects import Defect, Quirk
from conformance.reference.deployment import Deployment
from conformance.reference.message import now_ms
from conformance.reference.rest.checking import Checker, CheckError
from conformance.reference.rest.http import ApiError, Crash
from conformance.reference.rules.parser import SqlError, parse
from conformance.reference.rules.rule import Action, Rule

_ID = re.compile(r"[A-Za-z0-9]+[A-Za-z0-9-_]*")
_MAX_ID = 255
_ID_PREFIX = "bridge:"
_READ_ONLY = ("id", "status", "status_reason", "node_status", "node_metrics", "metrics", "node")
"""Fields of answers that may be sent back and are ignored; 5.8.9 does not look at the metadata either."""
_COMPONENTS = "#/components/schemas/rule_engine."


class Configuration:
    """Checks rule bodies for one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._checker = Checker(deployment.contract, deployment.traits)
        body = deployment.contract.operation("POST /rules").json_body or {}
        properties = deployment.contract.resolve(body)["properties"]
        # Actions are a union told apart by what "function" says, so they are checked one by one; an id in the body
        # is not documented everywhere (erratum B9) and was read before.
        others = {name: schema for name, schema in properties.items() if name not in ("actions", "id")}
        self._schema = {"type": "object", "required": ["sql"], "properties": others}

    def rule(self, rule_id: str, body: Mapping[str, Any], old: Rule | None = None) -> Rule:
        """The rule that ``body`` makes, merged over ``old``; raises `ApiError` 400 (BAD_REQUEST)."""
        has = self._deployment.has
        # As in names of connectors, the pattern of 5.8.9 ends before a final newline (CON-03).
        spelled = rule_id.removesuffix("\n") if has(Defect.NAME_WITH_A_LINE_BREAK) else rule_id
        if len(rule_id) > _MAX_ID or not _ID.fullmatch(spelled):
            raise bad_arguments(f"invalid_map_key: {rule_id}")
        ignored = (*_READ_ONLY, "metadata") if has(Defect.RULE_METADATA_UNCHECKED) else _READ_ONLY
        sent = {name: value for name, value in body.items() if name not in ignored}
        config = {**(old.config if old else {}), **sent}
        path = f"rule_engine.rules.{rule_id}"
        if isinstance(config.get("sql"), bool | float | dict) and has(Defect.CRASH_TOLD_IN_A_REFUSAL):
            raise bad_arguments(f"#{{kind => validation_error,path => {path}.sql,reason => {STATEMENT}}}")
        try:
            others = {name: value for name, value in config.items() if name != "actions"}
            checked = self._checker.check(self._schema, others, path)
            actions = self._actions(config, f"{path}.actions")
            statement = parse(checked["sql"])
        except (CheckError, SqlError) as error:
            raise bad_arguments(str(error)) from None
        now = now_ms()
        return Rule(
            id=rule_id,
            name=checked["name"],
            sql=checked["sql"],
            statement=statement,
            actions=actions,
            enable=checked["enable"],
            description=checked["description"],
            config=config,
            created_at=old.created_at if old else now,
            last_modified_at=max(now, old.last_modified_at + 1) if old else now,
            shown=old is None or not has(Defect.RULE_METADATA_THAT_ARE_NO_TIMES) or _are_times(body.get("metadata")),
        )

    def _actions(self, config: Mapping[str, Any], path: str) -> list[Action]:
        actions = config.get("actions", [])
        if actions is None and self._deployment.has(Quirk.NULL_FOR_ABSENT):
            actions = []
        if not isinstance(actions, list):
            raise CheckError.of({"expected_data_type": "array"}, path)
        return [self._action(action, f"{path}.{position}") for position, action in enumerate(actions, 1)]

    def _action(self, action: Any, path: str) -> Action:
        if isinstance(action, str):
            return self._action_id(action, path)
        function = action.get("function") if isinstance(action, dict) else None
        if function in ("console", "republish"):
            schema = {"$ref": f"{_COMPONENTS}builtin_action_{function}"}
            given = {"args": {}, **action} if function == "republish" else action
            checked: Action = self._checker.check(schema, given, path)
            return checked
        if isinstance(function, str):
            # No function of the reference deployment can be called from a rule.
            raise CheckError.of("action_function_does_not_exist", path, value=function)
        raise CheckError.of("unknown action type", path)

    def _action_id(self, action: str, path: str) -> str:
        """The id in its usual form. The action itself need not exist."""
        try:
            kind, name = parse_id(self._deployment, ACTION, action)
        except (ApiError, Crash) as error:
            raise CheckError.of(str(error), path, value=action) from None
        return f"{kind}:{name}"


def _are_times(metadata: Any) -> bool:
    """Whether metadata have nothing else where the time of creation is meant."""
    return not isinstance(metadata, dict) or isinstance(metadata.get("created_at", 0), int)


def bad_arguments(reason: str) -> ApiError:
    return ApiError(400, "BAD_REQUEST", f"Bad Arguments: {reason}")
