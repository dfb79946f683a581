"""How the bodies that show the values of an operation are sent: stored as few times as will do, and offered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from conformance.contract import paths
from conformance.contract.value_space import ValueSpace
from conformance.fuzz.driver import Driver
from conformance.fuzz.replacement import Replacement
from conformance.fuzz.wanted import Wanted
from conformance.target.guard.texts import CONFIGURED
from conformance.target.http.answer import Answer
from conformance.target.resources.typed import configured

_UNCHECKED_BEFORE = frozenset({"POST /rules"})
"""Operations on the configuration that look at the values of a body last (behaviour 0.2), as PUT /rules/{id} does."""

_PROBES_AT_ONCE = 4
_WAITS_S = 0.05
"""An answer that takes so much longer than a read waits for something, so that several keep the target no busier."""

Sending = tuple[Any, Answer, bool]
"""A body, its answer, and whether nothing but its values can have been wrong with it."""


def sent(driver: Driver, rows: Iterable[Any]) -> Iterator[Sending]:
    """Send each body; those of connectors, actions and schemas are stored where they must be.

    Others are offered: what is created exists by then, and what is replaced does not, so that nothing is written, which
    would take a real server 0.2 s each.
    """
    label = driver.subject.label
    if label == "PUT /rules/{id}":
        yield from ((body, answer, False) for body, answer in driver.change_rule(list(rows)))
        return
    known: Answer | None = None
    for body in rows:
        if label == f"POST {paths.IMPORT_USERS}" and "password_hash" in body[0]:
            for query in ({"type": "hash"}, {}):  # which is the default
                yield body, driver.send(query=query, body=body), False
        elif driver.is_told and driver.tale.told is not None:
            yield body, driver.offer(body) or driver.send(body=body), False
        elif label not in CONFIGURED or label in _UNCHECKED_BEFORE or known is None:
            answer = driver.send(query=driver.fixed_query(), body=body)
            known = answer if answer.ok else known
            yield body, answer, False
        elif driver.operation.method == "POST":
            yield body, driver.send(body={**body, "name": known.json["name"]}), False
        else:
            yield body, driver.send(path=driver.unknown_path(), body=body), False


def probed(driver: Driver, rows: Sequence[Any], waiting: set[str]) -> Iterator[Sending]:
    """Probe with each body: with several at once, if the target is known to let probes wait.

    It does where a connection has to come, or not to: 0.1 s with the least of types, 5 s with some on EMQX 5.8.
    ``waiting``: the labels of which that is known; added to.
    """
    label, start = driver.subject.label, 0
    while start < len(rows):
        several = rows[start : start + (_PROBES_AT_ONCE if label in waiting else 1)]
        answers = driver.send_together(several) if len(several) > 1 else [driver.send(body=several[0])]
        if min(answer.elapsed_s for answer in answers) - driver.capabilities.latency_s > _WAITS_S:
            waiting.add(label)
        yield from ((body, answer, False) for body, answer in zip(several, answers, strict=True))
        start += len(several)


def replaced(driver: Driver, rows: Sequence[Any], space: ValueSpace, seeds: Sequence[int]) -> Iterator[Sending]:
    """Replace the connector or action of a story by what shows all wanted values.

    In the end by the fullest row, from which other items go on, as an update of what is read, with other values in the
    fields that no write before has changed. Rows that were not stored as they are are offered.
    """
    created = driver.tale.story.created  # which CON-01 and TYP-01 judge
    read = configured(created.read.json) if created.read.ok else {}
    replacement = Replacement(driver.contract, driver.subject, partial(driver.is_safe, driver.path))
    wanted = Wanted(replacement, space, seeds, rows, configured(created.sent), read)
    driver.tale.switch()
    stored: list[Any] = []
    if rows:
        fullest = wanted.fullest()
        yield from _store(driver, wanted, stored)
        chapter = driver.tale.update(fullest, wanted.varied)
        if chapter.answer.ok:
            yield chapter.sent, chapter.answer, True
        if not chapter.answer.ok or not wanted.is_kept_by(chapter.sent):
            wanted.one_by_one()
            yield from _store(driver, wanted, stored)
            changed, answer = driver.tale.change(rows[0])
            yield changed, answer, False
    for row in rows:
        if row not in stored:
            yield row, driver.offer(row) or driver.send(body=row), False


def _store(driver: Driver, wanted: Wanted, stored: list[Any]) -> Iterator[Sending]:
    """Store the rows that are wanted, each with as much of others as fits; what was stored is added to ``stored``.

    The last one shows most, so that an update of it has secrets to keep.
    """
    while rows := wanted.rows():
        for row, filled in rows:
            body, answer = filled, driver.tale.store(filled)
            if not answer.ok and filled != row:
                wanted.one_by_one()
                body, answer = row, driver.tale.store(row)
            yield body, answer, True
            if answer.ok:
                wanted.shown(body)
                stored.append(body)
