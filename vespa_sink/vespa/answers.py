"""
What an answer of /document/v1 means for a write.

A consumer cannot skip: whatever may pass is tried again without end, only what the document itself is to blame
for goes to the dead letters, and what no retry mends stops the service. 429 and 412 are ordinary.

An answer that is not Vespa's own says nothing of the document: it is an outage, whatever its status.

Keeps: V10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from cdc_runtime.vespa_answers import REMEDY, answers_write, described, json_object
from schemas.errors import AccessDenied, FatalError, Neighbour, ServerSetting
from vespa_sink.vespa.operations import Action

IGNORED_OPERATION = "X-Vespa-Ignored-Operation"
IGNORED_FIELDS = "X-Vespa-Ignored-Fields"
NO_ANSWER = 0  # the connection failed: the write may or may not have happened
_MESSAGE_LENGTH = 4096  # as much of Vespa's words as is looked at
_UNKNOWN_OUTCOMES = frozenset({NO_ANSWER, 408, 500, 502, 503, 504})
# They say that too little of Vespa is there, for all documents or for a part; one document alone may get them too.
_OF_TOO_LITTLE = frozenset({NO_ANSWER, 408, 429, 503, 504, 507})
# What they ask for does not depend on who answers: a right, a smaller request, another try.
_OF_ANYBODY = frozenset({401, 403, 408, 413, 414, 431, 500, 502, 503, 504})


class Verdict(Enum):
    """What to do next."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"  # the index holds this version or a newer one: done
    IGNORED = "ignored"  # answered 200, but a selection in the application package dropped it
    THROTTLED = "throttled"  # send again, and less at a time
    RETRY = "retry"  # send again, later
    FOREIGN = "foreign"  # not Vespa's: send again, later
    REJECTED = "rejected"  # this document will never do, or the index is not what we think
    STOP = "stop"  # no document will do until somebody mends it


NOT_NOW = frozenset({Verdict.RETRY, Verdict.FOREIGN, Verdict.THROTTLED})  # sent again, and again


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer as the edge hands it over: status (`NO_ANSWER` without one), the headers that matter, Vespa's words.

    `foreign`: what came, where it is not Vespa's.
    """

    status: int
    ignored_operation: bool = False
    ignored_fields: bool = False
    message: str = ""
    foreign: str = ""

    @property
    def found(self) -> str:
        """What came, in words that hold nothing of a document."""
        if self.foreign:
            return f"an answer that is not Vespa's ({self.foreign})"
        return f"status {self.status}" if self.status else self.message or "no answer"


def answer_of(status: int, headers: Mapping[str, str], data: bytes) -> Answer:
    """The parts of an HTTP answer to a write that decide; names of `headers` begin with capitals, or know no case."""
    body = json_object(data)
    if status not in _OF_ANYBODY and not answers_write(status, body):
        return Answer(status, foreign=described(status, headers.get("Content-Type")))
    return Answer(
        status,
        headers.get(IGNORED_OPERATION) == "true",
        headers.get(IGNORED_FIELDS) == "true",
        str(body.get("message", ""))[:_MESSAGE_LENGTH],
    )


def probed(answer: Answer) -> Answer:
    """The answer to a probe: who accepts what can only be refused is not Vespa."""
    if verdict(answer) is Verdict.APPLIED:
        return replace(answer, foreign=f"status {answer.status} for a write that can only be refused")
    return answer


def verdict(answer: Answer) -> Verdict:
    """What an answer to a write means; an unknown status stops the service."""
    status = answer.status
    if answer.foreign:
        return Verdict.FOREIGN
    if 200 <= status < 300:
        return Verdict.IGNORED if answer.ignored_operation else Verdict.APPLIED
    if status == 412:
        return Verdict.SUPERSEDED
    if status == 429:
        return Verdict.THROTTLED
    if status in (NO_ANSWER, 408) or status >= 500:
        return Verdict.RETRY
    if status in (400, 413, 414, 431):
        return Verdict.REJECTED
    return Verdict.STOP


def must_be_removed(action: Action, decided: Verdict) -> bool:
    """Whether a remove has to follow: a delete that was ignored left the row in the index (rule V3)."""
    return action is Action.DELETE and decided is Verdict.IGNORED


def may_apply_later(answer: Answer) -> bool:
    """Whether the write may still take effect although no success was answered (rule V4)."""
    return bool(answer.foreign) or answer.status in _UNKNOWN_OUTCOMES


def says_too_little(answer: Answer) -> bool:
    """Whether a part of Vespa may be away or overloaded, which is the fault of no document."""
    return answer.status in _OF_TOO_LITTLE and not answer.foreign


def retry_reason(answer: Answer) -> str:
    """Why a write is sent again, as metrics name it."""
    reasons = {NO_ANSWER: "no answer", 429: "throttled", 507: "full"}
    return "foreign" if answer.foreign else reasons.get(answer.status, "server")


def stop_error(answer: Answer, url: str) -> FatalError:
    """The error that stops the service, with its remedy."""
    status = answer.status
    if status in (401, 403):
        return AccessDenied(
            expected=f"to be allowed to write documents at {url}",
            found=f"status {status}",
            neighbour=Neighbour.VESPA,
            remedy="let what stands before Vespa pass the sink by its address, or let vespa.url lead past it: the sink "
            "sends neither certificate nor token",
        )
    if status in (404, 405):
        return ServerSetting(
            expected=f"Vespa's document API at {url}",
            found=f"status {status} for a write",
            neighbour=Neighbour.VESPA,
            remedy=REMEDY,
        )
    return FatalError(
        expected=f"an answer of Vespa's document API at {url}",
        found=f"status {status} for a write",
        neighbour=Neighbour.VESPA,
        remedy=REMEDY,
    )


_FIELD = re.compile(r"[Ff]ield '([A-Za-z0-9_.]+)'")
_TYPE = re.compile(r"[Dd]ocument type '?([A-Za-z0-9_]+)'?")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rejection in words that hold no row values; `field`: of the document, where Vespa names one."""

    text: str
    field: str = ""


def refusal(answer: Answer) -> Refusal:
    """What may be told of a rejection: Vespa's own text may quote row values."""
    field = ""
    parts = [f"status {answer.status}"]
    if match := _FIELD.search(answer.message):
        parts.append(f"field {match[1]}")
        field = match[1].partition(".")[0]
    if match := _TYPE.search(answer.message):
        parts.append(f"document type {match[1]}")
    if "illegal code point" in answer.message:
        parts.append("illegal code point")
    return Refusal(", ".join(parts), field)
