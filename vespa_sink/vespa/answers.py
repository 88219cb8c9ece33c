"""
What an answer of /document/v1 means for a write.

A consumer cannot skip: whatever may pass is tried again without end, only what the document itself is to blame
for goes to the dead letters, and what no retry mends stops the service. 429 and 412 are ordinary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from schemas.errors import AccessDenied, FatalError, Neighbour, ServerSetting
from vespa_sink.vespa.operations import Action

IGNORED_OPERATION = "X-Vespa-Ignored-Operation"
IGNORED_FIELDS = "X-Vespa-Ignored-Fields"
NO_ANSWER = 0  # the connection failed: the write may or may not have happened
_UNKNOWN_OUTCOMES = frozenset({NO_ANSWER, 408, 500, 502, 503, 504})


class Verdict(Enum):
    """What to do next."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"  # the index holds this version or a newer one: done
    IGNORED = "ignored"  # answered 200, but a selection in the application package dropped it
    THROTTLED = "throttled"  # send again, and less at a time
    RETRY = "retry"  # send again, later
    REJECTED = "rejected"  # this document will never do, or the index is not what we think
    STOP = "stop"  # no document will do until somebody mends it


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the edge hands it over: status (`NO_ANSWER` without one), the headers that matter, the text."""

    status: int
    ignored_operation: bool = False
    ignored_fields: bool = False
    message: str = ""


def answer_of(status: int, headers: Mapping[str, str], message: str = "") -> Answer:
    """The parts of an HTTP answer that decide."""
    return Answer(status, headers.get(IGNORED_OPERATION) == "true", headers.get(IGNORED_FIELDS) == "true", message)


def verdict(answer: Answer) -> Verdict:
    """What an answer to a write means; an unknown status stops the service."""
    status = answer.status
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
    return answer.status in _UNKNOWN_OUTCOMES


def stop_error(answer: Answer, url: str) -> FatalError:
    """The error that stops the service, with its remedy."""
    status = answer.status
    if status in (401, 403):
        return AccessDenied(
            expected=f"to be allowed to write documents at {url}",
            found=f"status {status}",
            neighbour=Neighbour.VESPA,
            remedy="give the sink the certificate or token that the proxy in front of Vespa asks for",
        )
    if status in (404, 405):
        return ServerSetting(
            expected=f"Vespa's document API at {url}",
            found=f"status {status} for a write",
            neighbour=Neighbour.VESPA,
            remedy="let vespa.url name a container with <document-api/>",
        )
    return FatalError(
        expected=f"a status of Vespa's document API at {url}", found=str(status), neighbour=Neighbour.VESPA
    )


_FIELD = re.compile(r"[Ff]ield '([A-Za-z0-9_.]+)'")
_TYPE = re.compile(r"[Dd]ocument type '?([A-Za-z0-9_]+)'?")


def public_reason(answer: Answer) -> str:
    """A rejection in words that hold no row values: Vespa's own text may quote them."""
    parts = [f"status {answer.status}"]
    if match := _FIELD.search(answer.message):
        parts.append(f"field {match[1]}")
    if match := _TYPE.search(answer.message):
        parts.append(f"document type {match[1]}")
    if "illegal code point" in answer.message:
        parts.append("illegal code point")
    return ", ".join(parts)
