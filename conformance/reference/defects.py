"""What versions of EMQX do other than they should (defects), and what they merely do their own way (quirks), by name.

A reference deployment has those it is started with (``serve --defects``) and is otherwise as it should be. A defect has
the id of the ``[[defect]]`` in ``conformance/waivers/`` that tells how to see it, and whose waivers accept it. A quirk
breaks no requirement: nothing fails on a deployment that has all of them and no defect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from conformance.contract.versions import VersionRange

REAL = "real"
QUIRKS = "quirks"
NONE = "none"


class TraitError(ValueError):
    """No trait has such a name; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class About:
    """A sentence on a trait; ``ranges`` of versions that have it, each as `VersionRange` reads it.

    ``needs``: ids of the quirks without which no request gets as far.
    """

    sentence: str
    ranges: tuple[str, ...] = (">=5.8.0,<6",)
    needs: tuple[str, ...] = ()


class Trait(Enum):
    """A defect or a quirk."""

    @property
    def about(self) -> About:
        about: About = self.value
        return about

    @property
    def id(self) -> str:
        """Its name in options, files of waivers and documents: ``numeric-secret``."""
        return self.name.lower().replace("_", "-")

    def is_in(self, version: str) -> bool:
        """Whether that version has it."""
        return any(VersionRange.parse(bounds).contains(version) for bounds in self.about.ranges)


_OWN_DOCUMENT = ("own-document",)


class Defect(Trait):
    """What breaks a requirement."""

    AUTHORIZATION_ENTRY_WITHOUT_RULES = About(
        "An entry of authorization rules without its `rules` crashes the handler.", needs=_OWN_DOCUMENT
    )
    AUTHORIZATION_OF_SOMEBODY_ELSE = About("Rules put under one name that name another crash the handler.")
    AUTHORIZATION_TOPIC_AS_NUMBER = About("A number as the topic of an authorization rule crashes the handler.")
    EMPTY_FILTER = About("An empty part of a name to look for crashes the search.")
    STATIC_CLIENT_ID_AS_A_WORD = About("A plain text among the static client ids of an MQTT connector crashes its PUT.")
    UNSUBSCRIBE_WITHOUT_TOPIC = About("Unsubscribing without a topic crashes the handler.", needs=_OWN_DOCUMENT)
    NO_ARRAY = About("`null` in place of an array crashes the check of a body, and `{}` passes for an empty one.")
    PUBLISH_OF_NOTHING = About("Publishing an empty list of messages crashes the handler.")
    USER_PROPERTIES_UNCHECKED = About(
        "User properties that are no texts are published, and cost MQTT 5 subscribers their connection.",
        needs=_OWN_DOCUMENT,
    )
    RULE_BODY_THAT_IS_NO_OBJECT = About("A body of a rule that is no object crashes the handler.")
    RULE_LIST_UNCHECKED = About("The query of the list of rules is not checked, and what is no number crashes it.")
    RULE_METADATA_UNCHECKED = About("The metadata of a rule may be any JSON.")
    MEDIA_TYPE_OF_RULES = About("Operations on rules know the media type in small letters only.")
    MEDIA_TYPE_OF_IMPORTS = About("An import of users knows the media type in small letters only.")
    NUMBERS_FOR_TEXTS = About("A number is taken where a text belongs.")
    RULE_TEST_COUNTS_FAILURES = About("A test of a rule that only renders its actions counts them as failed.")
    SCHEMA_BROKEN_BY_A_REFUSED_CHANGE = About("A schema whose change was refused is shown, and can be used no more.")
    SCHEMA_NAME_TOO_LONG_FOR_PROTOBUF = About(
        "A schema with a name of more than 240 characters cannot be of type protobuf."
    )
    SCHEMA_NAME_TOO_LONG_FOR_A_FOLDER = About(
        "A name of a schema of more than 244 characters crashes its creation.", (">=5.10.0,<6",)
    )
    SCHEMA_SOURCE_BEYOND_ASCII = About("The source of an Avro or JSON schema is read as if characters were bytes.")
    S3_WITHOUT_RESOURCE_OPTIONS = About("An s3 action without `resource_opts` crashes the handler.")
    S3_MAX_RECORDS_AS_TEXT = About("The default of `max_records` of an s3 action is filled in as a text.")
    NAME_THAT_IS_A_NUMBER = About("A number as the name of a connector, action or schema crashes the handler.")
    NAME_WITH_A_LINE_BREAK = About("A name of a connector, action, rule or schema may end in a line break.")
    IMPOSSIBLE_NAME_IN_AN_ID = About("An id of a connector or action with an empty or too long name crashes the check.")
    NUMERIC_SECRET = About(
        "A connector whose secret is a number is stored, and crashes every list it is in.", needs=("values-as-written",)
    )
    CRASH_TOLD_IN_A_REFUSAL = About("Some refusals tell the crash of a check instead of what was expected.")
    TLS_VERSION_BEYOND_LATIN = About("A TLS version with a character beyond Latin-1 crashes its refusal.")
    PARAMETERS_THAT_ARE_NO_OBJECT = About("Some actions crash on `parameters` that are no object.")
    CONFLUENT_TLS_HIDDEN = About(
        "`ssl.enable` of a confluent_producer connector is not filled in.", (">=5.8.0,<5.8.12", ">=5.9.0,<5.10.5")
    )
    PROBE_NAME_UNCHECKED = About("A probe of a connector or action may have any name.")
    ACTION_CREATED_AT = About("`created_at` of an action is what a client says, or the time of the last change.")
    METRICS_OF_AN_UNKNOWN_ACTION = About("An action that does not exist has metrics, and resetting them crashes.")
    CLIENTS_OF_A_NODE = About("With a node, a filter of clients that cannot be read crashes the list.")
    SUBSCRIBED_FILTER_UNCHECKED = About(
        "Clients are subscribed to what is no topic filter; a malformed share prefix is answered 500."
    )
    QUEUE_PAGES_SKIP_MESSAGES = About("A page of queued messages that is cut short is followed by a later one.")
    SUPERUSER_FLAG_AS_TEXT = About("`is_superuser` given as a text is stored as that, and any text raises privileges.")
    IMPORT_OF_NO_ARRAY = About("The refusal of an import that is no array tells the crash.")
    BAN_OF_NONSENSE = About("Lifting the ban of what cannot be banned crashes the look-up.")
    BAN_OF_NO_NETWORK = About("The refusal of a ban whose network is none tells the crash of its parser.")
    CREDENTIALS_IN_HEADERS_SHOWN = About("Of headers only Authorization and Proxy-Authorization are hidden.")
    DOTS_ARE_STEPS = About("Encoded dot segments of a path address what is above.")
    EQUAL_CREATIONS_AT_ONCE = About("Of equal creations at the same time several succeed.")
    FULL_LAST_PAGE_HAS_NEXT = About("A full last page says that another one follows.")
    IMPORT_OF_IDS_THAT_ARE_NO_TEXTS = About("An import stores users whose ids are no texts, which nobody can delete.")
    GROUP_FORGOTTEN_OVER_A_TOPIC = About("With a topic, the filter of subscriptions by a shared group is forgotten.")
    PLAIN_PASSWORD_IN_ANY_CASE = About("Where passwords are kept as they are, the case of letters does not count.")
    UNKNOWN_NODE_OF_DURABLE_SUBSCRIPTIONS = About(
        "Where sessions are kept on disk, a node that does not exist crashes the list of subscriptions.",
        needs=("unknown-node-is-down",),
    )

    RULE_METADATA_THAT_ARE_NO_TIMES = About(
        "A text as `created_at` in the metadata of a changed rule crashes whatever shows the rule.",
        (">=5.8.0,<5.10.4",),
    )
    LARGE_BODY_CRASHES = About("A JSON body of more than 8 MB is answered 500 without a body.", (">=5.8.0,<5.10.1",))
    DIRECT_DISPATCH_MUST_BE_A_BOOLEAN = About(
        "A republish action fails if its `direct_dispatch` renders to neither true nor false."
    )
    RULE_TEST_SHOWS_EVENT_TYPE = About(
        "A test of a rule shows the `event_type` of its request as a column.", (">=5.8.0,<5.9.0",)
    )
    CONNACK_WITHOUT_ITS_TIME = About(
        "The event of a CONNACK has no `connected_at`, which is listed.", (">=5.8.0,<5.8.11", ">=5.9.0,<5.10.4")
    )
    PROTOBUF_MAPS_NOT_ENCODED = About("A protobuf message with a map cannot be encoded.")
    HEADERS_BY_LINE_BREAKS = About(
        "A line break in what a message puts into a header of an HTTP action starts another header.",
        (">=5.8.0,<5.8.11", ">=5.9.0,<5.10.4"),
    )
    TOO_LARGE_MESSAGE_STAYS_IN_FLIGHT = About(
        "A message that is too large for its client waits for an acknowledgement for good."
    )
    DELAYED_MESSAGE_HAS_NO_SUBSCRIBER = About(
        "A message that is published with a delay is answered as if nobody were subscribed.", (">=5.8.0,<5.9.0",)
    )


class Quirk(Trait):
    """What a real server does its own way, and no requirement forbids."""

    OWN_DOCUMENT = About("Requests are checked against the document of the version itself, errata included.")
    NULL_FOR_ABSENT = About("`null` stands for a field that is not there.")
    SECRETS_UNCHECKED = About("Secrets may hold characters that are not printable.")
    VALUES_AS_WRITTEN = About("Connectors and actions show values as they were written, not as they were read.")
    SLOPPY_JSON = About("JSON may have comments, trailing commas, single quotes and bytes that are no UTF-8.")
    CONNECTIONS_END = About("A connection ends after 1000 requests, or after an answer that left a body unread.")
    OTHER_METHODS = About("Methods that no operation has are answered 500 or 501 instead of 405.")
    UNEXPECTED_ERRORS_TOLD = About("An error that nobody foresaw is answered with its text.")
    TYPE_UNKNOWN_TO_PUT = About("PUT of a connector or action whose type is none is answered 500 or 400, not 404.")
    DELETIONS_AT_ONCE = About("Of deletions of a rule at the same time all are answered 204.")
    UNKNOWN_NODE_IS_DOWN = About("A filter by a node that does not exist is answered 500 NODE_DOWN (erratum C12).")
    END_OF_DATA_UNKNOWN = About("`end_of_data` is no position among messages (erratum D3).")
    UNDEFINED_USERNAME = About("A message of a client without a user name is from the user `undefined`.")
    LATE_STATISTICS = About("Statistics of clients are shown as of their last report, up to 15 s ago.")
    DURABLE_IGNORED = About("The filter `durable` of subscriptions is ignored (erratum D1).")
    SHARED_NOT_FOUND_BY_TOPIC = About("The filter of subscriptions by topic finds no shared ones.")
    MATCH_TOPIC_UNCHECKED = About("A malformed filter matches no subscription instead of being refused.")
    EXPIRED_RETAINED_COUNTED = About("Retained messages that have expired are counted until somebody looks for them.")
    SHORT_ADDRESSES = About("Addresses to ban may be abbreviated: `10.1` is 10.0.0.1.")
    EXPIRED_BANS_LISTED = About("Bans are listed for a minute after they have expired.")
    IMPORT_TYPE_UNCHECKED = About("An import of users takes every type but `plain` for `hash` (erratum D6).")
    EXACT_SOURCE_WINS = About("The filter of rules by `from` hides `like_from` and `match_from`.")
    TEXT_IS_NO_TEST = About("A test of a rule answers 415 to a JSON text.")
    SOURCES_BY_LETTER = About("A test of a rule with an event among its sources compares them by letter.")
    SELECTED_PAYLOAD_HIDES = About("`payload.x` that is selected hides the rest of the payload from WHERE.")
    BARE_EXAMPLES = About("Some examples of the list of rule events lack their explanation.")


Traits = frozenset[Trait]
"""The traits of one deployment."""

NO_TRAITS: Traits = frozenset()
"""A deployment as it should be."""


def traits_of(version: str) -> Traits:
    """All defects and quirks that a version has."""
    return frozenset(trait for trait in all_traits() if trait.is_in(version))


def all_traits() -> list[Trait]:
    """Every defect, then every quirk."""
    return [*Defect, *Quirk]


def chosen(text: str, version: str) -> Traits:
    """What ``--defects`` says: ``real`` (all that ``version`` has), ``quirks`` (only its quirks: a real server without
    defects), ``none``, or names, comma-separated.

    Named ones are had whatever the version, together with the quirks they need. Raises `TraitError`.
    """
    if text == REAL:
        return traits_of(version)
    if text == QUIRKS:
        return frozenset(trait for trait in traits_of(version) if isinstance(trait, Quirk))
    if text == NONE:
        return frozenset()
    return named(name.strip() for name in text.split(","))


def named(names: Iterable[str]) -> Traits:
    """The traits of these ids and the quirks they need; raises `TraitError`."""
    by_id = {trait.id: trait for trait in all_traits()}
    found: set[Trait] = set()
    for name in names:
        if name in (REAL, QUIRKS, NONE):
            raise TraitError(f"{name} stands alone, without names beside it")
        if name not in by_id:
            near = get_close_matches(name, [*by_id, REAL, QUIRKS, NONE], n=1)
            raise TraitError(f"there is no defect {name!r:.60}{f', did you mean {near[0]}?' if near else ''}")
        found |= {by_id[name], *(by_id[needed] for needed in by_id[name].about.needs)}
    return frozenset(found)
