"""What a service's health is about: the subjects that may have a reason for not being ready."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from cdc_runtime.consuming.records import TopicPartition
from schemas.errors import Neighbour


class SubjectKind(Enum):
    """What a subject is."""

    SERVICE = auto()
    NEIGHBOUR = auto()
    CALLS = auto()
    CONNECTION = auto()
    TRANSACTIONS = auto()
    DEAD_LETTERS = auto()
    PARTITION = auto()
    DOCUMENT_TYPE = auto()
    FAILING_DOCUMENTS = auto()
    LACKING_FIELDS = auto()


@dataclass(frozen=True, slots=True)
class Subject:
    """One of them; `str()` is its name where people read of it."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"document type {self.name}" if self.kind is SubjectKind.DOCUMENT_TYPE else self.name


SERVICE = Subject(SubjectKind.SERVICE, "service")
KAFKA = Subject(SubjectKind.NEIGHBOUR, Neighbour.KAFKA.value)
VESPA = Subject(SubjectKind.NEIGHBOUR, Neighbour.VESPA.value)
VESPA_PARTS = Subject(SubjectKind.NEIGHBOUR, "vespa (a part)")
STORE = Subject(SubjectKind.NEIGHBOUR, Neighbour.STORE.value)
CALLS = Subject(SubjectKind.CALLS, "calls")
TRANSACTIONS = Subject(SubjectKind.TRANSACTIONS, "transactions")
DEAD_LETTERS = Subject(SubjectKind.DEAD_LETTERS, "dead letters")


def connection(neighbour: Neighbour) -> Subject:
    """Whether a neighbour answers at all."""
    return Subject(SubjectKind.CONNECTION, f"connection to {neighbour.value}")


def partition(topic_partition: TopicPartition) -> Subject:
    """A partition that a member of the group holds."""
    return Subject(SubjectKind.PARTITION, f"{topic_partition.topic}[{topic_partition.partition}]")


def document_type(name: str) -> Subject:
    """A document type of the index."""
    return Subject(SubjectKind.DOCUMENT_TYPE, name)


def failing_documents(document_type: str) -> Subject:
    """Documents of a type that are answered badly each time, while others are written."""
    return Subject(SubjectKind.FAILING_DOCUMENTS, f"failing documents of {document_type}")


def lacking_fields(document_type: str) -> Subject:
    """Fields of a document type that some documents have and the index lacks."""
    return Subject(SubjectKind.LACKING_FIELDS, f"fields of {document_type}")
