"""What a list tells of itself, under any query, held against what a walk through its pages finds (PAG-13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.checks.recorder import Recorder
from conformance.contract import paths
from conformance.target.http.answer import Answer
from conformance.target.resources.collection import Collection
from conformance.target.target import Target

ONE_PAGE = 1000
"""A list with as many elements is not walked: it may change meanwhile, where others use the target."""
MOST_PAGES = 8

REQUIREMENT = "PAG-13"
SENTENCE = "Under any filter the count, if told, is the number of rows that pass, and hasnext is false at the end only."

BANS, RULES, RETAINED = "GET /banned", "GET /rules", f"GET {paths.RETAINED_MESSAGES}"

FUZZY = ("like_", "match_")
UNCOUNTED = {RULES: {"from", "action", "source"}, RETAINED: {"topic"}}
"""Filters besides the fuzzy ones that keep a list from being counted (behaviour 0.4)."""
WHOLE = {BANS: {"clientid", "username", "peerhost"}}
"""Filters that find one element at most, which is on every page (erratum D12)."""
NO_HASNEXT = {BANS}
"""Lists that do not say without a filter whether there is more (erratum A5)."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk through a list under a query; it decides `REQUIREMENT`. ``identify`` names an element."""

    target: Target
    label: str
    identify: Callable[[Mapping[str, Any]], str]
    query: Mapping[str, Any]

    @classmethod
    def through(cls, target: Target, collection: Collection, query: Mapping[str, Any]) -> Walk:
        return cls(target, f"GET {collection.path}", collection.identify, query)

    def decide(self, recorder: Recorder) -> None:
        """Walk until what is told fits what is found.

        Others may change the list meanwhile: of a walk after which it is not what it was before nothing is concluded.
        """
        answers: list[Answer] = []
        wrong: list[str] | None = None

        def agree() -> bool:
            nonlocal wrong
            answers.clear()
            found = list(self._deviations(answers))
            if sorted(self._page(answers, 1, ONE_PAGE)[0]) != sorted(self._names(answers[0])):
                return False
            wrong = found
            return not wrong

        self.target.eventually(agree)
        if wrong is not None:
            what = f"the list with {dict(self.query)}" if self.query else "the list without a filter"
            message = f"{what}: {'; '.join(wrong)}"
            recorder.expect(not wrong, REQUIREMENT, "walked", message, answers[-1])

    def _deviations(self, answers: list[Answer]) -> Iterator[str]:
        whole, meta = self._page(answers, 1, ONE_PAGE)
        total = len(whole)
        if total >= ONE_PAGE:
            return
        yield from self._counted(meta, total, "the whole")
        if self._says_hasnext and meta.get("hasnext") is not False:
            yield f"all {total} elements are on one page, which says hasnext {meta.get('hasnext')}"
        if WHOLE.get(self.label, set()) & self.query.keys():
            return
        limit = 1 if total <= MOST_PAGES else -(-total // MOST_PAGES)
        last, walked = -(-total // limit), []
        for number in range(1, last + 2):
            found, meta = self._page(answers, number, limit)
            walked += found
            yield from self._counted(meta, total, f"page {number} with limit {limit}")
            # That a full last page says false as well is another requirement (PAG-05).
            decided = self._says_hasnext and (number != last or total % limit)
            if decided and meta.get("hasnext") is not (number < last):
                yield f"page {number} of {last} with limit {limit} says hasnext {meta.get('hasnext')}"
        if sorted(walked) != sorted(whole):
            yield f"pages of {limit} show {walked}, one page shows {whole}"

    @property
    def _says_hasnext(self) -> bool:
        return bool(self.query) or self.label not in NO_HASNEXT

    def _counted(self, meta: Mapping[str, Any], total: int, where: str) -> Iterator[str]:
        count = meta.get("count")
        if count is None:
            if self._is_counted:
                yield f"{where} has no count"
        elif count != total and not (self.label == RETAINED and count > total):  # expired ones are counted, too
            yield f"{where} says the count {count}, and there are {total}"

    @property
    def _is_counted(self) -> bool:
        uncounted = UNCOUNTED.get(self.label, set())
        return not any(name.startswith(FUZZY) or name in uncounted for name in self.query)

    def _page(self, answers: list[Answer], number: int, limit: int) -> tuple[list[str], Mapping[str, Any]]:
        query = {**self.query, "page": number, "limit": limit}
        answers.append(self.target.api.call(self.label, query=query).expect(200))
        return self._names(answers[-1]), answers[-1].json["meta"]

    def _names(self, answer: Answer) -> list[str]:
        return [self.identify(element) for element in answer.json["data"]]
