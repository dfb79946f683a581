"""Each defect that the reference deployment can have, alone: which requirements find it.

`tests.catalogue.test_reproducible_defects` holds them together with the waivers.
"""

from __future__ import annotations

from conformance.contract import paths
from conformance.reference.defects import Defect
from tests.faults.seeded import Kill, fuzz, scenario, seed, values


def alone(defect: Defect, item: str, *kills: Kill, settings: tuple[str, ...] = ()) -> None:
    """A deployment with nothing but this defect, and what finds it; ``settings``: with which it has it."""
    seed(f"defect {defect.id}", defect, item, *kills, settings=settings)


def wrong(test: str, label: str) -> str:
    """An item about bodies or queries of many operations, for one of them."""
    return scenario("wrong_bodies", f"{test}[{label}]")


def media_type(label: str) -> str:
    return f"conformance/fuzz/test_requests.py::test_media_type_parameters[{label}]"


CRASH = ("GEN-15", "GEN-16")

alone(
    Defect.AUTHORIZATION_ENTRY_WITHOUT_RULES,
    scenario("authorization", "rules_may_not_be_missing[users]"),
    "AUTZ-14",
    *CRASH,
)
alone(
    Defect.AUTHORIZATION_OF_SOMEBODY_ELSE,
    scenario("wrong_bodies", "error_repeats_no_credentials"),
    "GEN-24",
    *CRASH,
)
alone(Defect.AUTHORIZATION_TOPIC_AS_NUMBER, scenario("authorization", "topic_must_be_a_text[users]"), "AUTZ-15", *CRASH)
alone(Defect.EMPTY_FILTER, wrong("empty_filter", f"GET {paths.CLIENT_RULES}"), "GEN-39", *CRASH)
alone(Defect.UNSUBSCRIBE_WITHOUT_TOPIC, scenario("client_subscriptions", "unsubscribe_without_topic"), "CLI-10", *CRASH)
alone(Defect.NO_ARRAY, wrong("no_array_is_refused", "POST /clients/kickout/bulk"), "GEN-26", "GEN-15")
alone(Defect.PUBLISH_OF_NOTHING, scenario("publish_bulk", "no_messages_at_all"), "PUB-06", *CRASH)
alone(Defect.USER_PROPERTIES_UNCHECKED, scenario("publish", "user_properties_are_strings"), "PUB-08")
alone(
    Defect.RULE_BODY_THAT_IS_NO_OBJECT,
    scenario("rules", "body_that_is_no_object_is_refused[PUT /rules/{id}]"),
    "RUL-21",
    *CRASH,
)
alone(Defect.RULE_LIST_UNCHECKED, scenario("rule_lists", "impossible_page_is_refused"), "RUL-17", *CRASH)
alone(Defect.RULE_METADATA_UNCHECKED, fuzz("boundaries", "PUT /rules/{id}"), "GEN-18")
alone(Defect.MEDIA_TYPE_OF_RULES, media_type("PUT /rules/{id}"), "GEN-10")
alone(Defect.MEDIA_TYPE_OF_IMPORTS, media_type(f"POST {paths.IMPORT_USERS}"), "GEN-10")
alone(Defect.NUMBERS_FOR_TEXTS, wrong("value_of_another_type_is_refused", "POST /publish"), "GEN-25")
alone(Defect.RULE_TEST_COUNTS_FAILURES, scenario("rule_test", "rendered_actions_have_not_failed"), "RUL-19")
alone(
    Defect.SCHEMA_BROKEN_BY_A_REFUSED_CHANGE,
    scenario("schema_codecs", "refused_source_leaves_the_schema_usable[json]"),
    "SCH-05",
)
alone(
    Defect.SCHEMA_SOURCE_BEYOND_ASCII,
    scenario("schema_registry", "source_of_any_characters_is_stored[json]"),
    "SCH-01",
)
alone(
    Defect.SCHEMA_NAME_TOO_LONG_FOR_A_FOLDER,
    scenario("schema_registry", "impossible_name_is_refused"),
    "SCH-08",
    "GEN-16",
)
alone(Defect.SCHEMA_NAME_TOO_LONG_FOR_PROTOBUF, scenario("schema_registry", "longest_name_suits_protobuf"), "SCH-11")
alone(Defect.S3_WITHOUT_RESOURCE_OPTIONS, scenario("actions", "optional_fields_may_be_left_out"), "ACT-13", *CRASH)
alone(Defect.S3_MAX_RECORDS_AS_TEXT, values("PUT /actions/{id}-s3"), "GEN-60", "GEN-14")
alone(Defect.NAME_THAT_IS_A_NUMBER, scenario("connectors", "name_that_is_a_number_is_refused"), "CON-20", *CRASH)
alone(Defect.NAME_WITH_A_LINE_BREAK, scenario("connectors", "name_that_ends_in_a_newline_is_refused"), "CON-15")
alone(
    Defect.IMPOSSIBLE_NAME_IN_AN_ID,
    scenario("connectors", "ids_with_impossible_names_are_not_found"),
    "CON-05",
    *CRASH,
)
alone(Defect.NUMERIC_SECRET, scenario("connector_secrets", "secret_that_is_a_number"), "CON-16", *CRASH)
alone(Defect.CRASH_TOLD_IN_A_REFUSAL, fuzz("examples", "POST /connectors_probe-cassandra"), "GEN-16")
alone(
    Defect.TLS_VERSION_BEYOND_LATIN,
    scenario("connectors", "unknown_tls_version_is_refused[a letter beyond Latin-1]"),
    "CON-25",
    "GEN-15",
)
alone(Defect.PARAMETERS_THAT_ARE_NO_OBJECT, fuzz("boundaries", "PUT /actions/{id}-snowflake"), "GEN-15")
alone(Defect.CREDENTIALS_IN_HEADERS_SHOWN, scenario("secret_headers", "other_credentials_are_hidden"), "CON-22")
alone(Defect.CONFLUENT_TLS_HIDDEN, scenario("types", "connector[POST /connectors-confluent_producer]"), "CON-01")
alone(Defect.STATIC_CLIENT_ID_AS_A_WORD, values("PUT /connectors/{id}-mqtt"), *CRASH)
alone(Defect.PROBE_NAME_UNCHECKED, scenario("connectors", "probe_refuses_bad_names"), "CON-19")
alone(Defect.ACTION_CREATED_AT, scenario("actions", "creation_time_is_set_by_the_server"), "ACT-12")
alone(
    Defect.METRICS_OF_AN_UNKNOWN_ACTION, scenario("action_metrics", "unknown_actions_have_no_metrics"), "ACT-08", *CRASH
)
alone(
    Defect.CLIENTS_OF_A_NODE, scenario("clients", "impossible_filter_values_on_one_node[proto_ver]"), "CLI-15", *CRASH
)
alone(
    Defect.SUBSCRIBED_FILTER_UNCHECKED,
    scenario("client_subscriptions", "malformed_filter[levels after the last]"),
    "CLI-09",
)
alone(Defect.QUEUE_PAGES_SKIP_MESSAGES, scenario("client_messages", "small_pages_lose_nothing"), "CLI-12")
alone(Defect.SUPERUSER_FLAG_AS_TEXT, scenario("login", "flag_as_a_text_raises_nobody"), "AUTN-11", "GEN-14")
alone(Defect.IMPORT_OF_NO_ARRAY, fuzz("boundaries", f"POST {paths.IMPORT_USERS}"), "GEN-16")
alone(Defect.BAN_OF_NONSENSE, scenario("banned", "lifting_nonsense_is_refused[peerhost-{}]"), "BAN-07", *CRASH)
alone(Defect.BAN_OF_NO_NETWORK, scenario("banned", "who_must_fit_its_kind[peerhost_net-{}]"), "GEN-16")
alone(Defect.DOTS_ARE_STEPS, scenario("identifiers", "dots_lift_no_ban"), "GEN-21")
alone(
    Defect.EQUAL_CREATIONS_AT_ONCE, scenario("concurrency", "one_of_equal_configurations_wins[POST /rules]"), "GEN-36"
)
alone(Defect.FULL_LAST_PAGE_HAS_NEXT, scenario("lists", "hasnext_is_exact[GET /rules]"), "PAG-05")
alone(
    Defect.IMPORT_OF_IDS_THAT_ARE_NO_TEXTS,
    scenario("authentication", "imported_id_that_is_no_text_is_refused"),
    "AUTN-12",
)
alone(
    Defect.PLAIN_PASSWORD_IN_ANY_CASE,
    "conformance/scenarios/test_near_misses.py::test_password_that_is_nearly_right[created]",
    "AUTN-17",
    settings=(
        "authentication.password_hash_algorithm.name=plain",
        "authentication.password_hash_algorithm.salt_position=disable",
    ),
)
alone(
    Defect.UNKNOWN_NODE_OF_DURABLE_SUBSCRIPTIONS,
    scenario("subscriptions", "subscriptions_of_a_node"),
    "SUB-04",
    *CRASH,
    settings=("durable_sessions.enable=true",),
)
alone(Defect.GROUP_FORGOTTEN_OVER_A_TOPIC, scenario("topic_filters", "subscriptions[topic-share_group]"), "VAR-04")
alone(Defect.RULE_METADATA_THAT_ARE_NO_TIMES, scenario("rules", "metadata_that_are_no_times"), "RUL-50", *CRASH)
alone(Defect.LARGE_BODY_CRASHES, scenario("publish", "large_body"), "GEN-70", "GEN-15")
alone(Defect.DIRECT_DISPATCH_MUST_BE_A_BOOLEAN, scenario("rule_topics", "direct_dispatch_that_is_no_boolean"), "RUL-48")
alone(Defect.RULE_TEST_SHOWS_EVENT_TYPE, scenario("rule_events", "statement_sees_the_context"), "RUL-49")
alone(Defect.CONNACK_WITHOUT_ITS_TIME, scenario("rule_events", "events_have_their_columns"), "RUL-28")
alone(Defect.PROTOBUF_MAPS_NOT_ENCODED, scenario("schema_codecs", "map_of_texts[protobuf]"), "SCH-12")
alone(Defect.HEADERS_BY_LINE_BREAKS, scenario("action_deliveries", "message_makes_no_header"), "ACT-28")
alone(Defect.DELAYED_MESSAGE_HAS_NO_SUBSCRIBER, scenario("publish", "delayed_message"), "PUB-15")
alone(
    Defect.TOO_LARGE_MESSAGE_STAYS_IN_FLIGHT,
    scenario("client_messages", "message_that_is_too_large_waits_for_nothing"),
    "CLI-31",
)
