"""
One member of the group between two polls: takes records in, starts what may start, and settles what is finished.

Rules:
1. Nothing of a partition is handled before what was remembered of its rows has been read (rule F2).
2. While what is remembered is being read, or is in doubt, nothing is started and nothing settled: until its end is
   read, a row that ended looks as if it were there.
3. A partition is settled as far as it is finished before it is given up; of a lost one nothing is settled (rule F1).

Used by one thread, that of the Kafka client. Leaves to others: partitions (`assignment`), records (`admission`), works
(`open_works`), retries (`retries_due`), floors (`floor_runs`), results once more (`publishing_again`) and transactions
(`finished_works`).

Keeps: F1, F2, V11.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from cdc_runtime.consuming.records import Record, TopicPartition
from cdc_runtime.consuming.topic_lives import Anew, Start
from file_fetcher.floor_runs import FloorRuns
from file_fetcher.intake.admission import Admission
from file_fetcher.intake.assignment import Assignment
from file_fetcher.intake.partitions import TablePartition
from file_fetcher.open_works import OpenWorks
from file_fetcher.publishing_again import PublishingAgain
from file_fetcher.retries_due import DueRetries
from file_fetcher.settling.finished_works import FinishedWorks
from file_fetcher.settling.kafka_transactions import Membership

_LOOK_S = 1.0


class Fetcher:
    """The state of one member of the group."""

    def __init__(
        self,
        assignment: Assignment,
        admission: Admission,
        works: OpenWorks,
        *,
        retries: DueRetries,
        floors: FloorRuns,
        publishing_again: PublishingAgain,
        finished: FinishedWorks,
    ) -> None:
        self._assignment = assignment
        self._admission = admission
        self._works = works
        self._retries = retries
        self._floors = floors
        self._publishing_again = publishing_again
        self._finished = finished
        self._reading = False
        self._stood_still = False
        self._looked_at = time.monotonic()

    @property
    def assigned(self) -> Mapping[TopicPartition, TablePartition]:
        """The partitions that are ours."""
        return self._assignment.partitions

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or waits for a transaction."""
        return not self._works.references and not self._finished.waiting

    # -- partitions

    def assign(self, partitions: Iterable[TopicPartition]) -> list[TablePartition]:
        """Take partitions over; their records wait until they are `ready`."""
        return self._assignment.assign(partitions)

    def reading(self, *, begins: bool) -> None:
        """What is remembered is read from the topics, from now on or no longer."""
        self._reading = begins

    def ready(self, assigned: TablePartition, start: Start) -> None:
        """What was remembered of a partition's rows has been read: let its records in."""
        self._assignment.ready(assigned, start, int(time.time() * 1000))
        self.go_on(assigned)

    def go_on(self, assigned: TablePartition) -> None:
        """Let in what waits in a partition, unless nothing may be started."""
        if not self._still:
            self._admission.go_on(assigned)

    def renew(self, assigned: TablePartition, anew: Anew) -> list[TablePartition]:
        """Take a partition that is ours over once more, to begin anew (rule V11); what is under way is cancelled."""
        places = [assigned.topic_partition]
        self.drop(places, "anew")
        renewed = self.assign(places)
        for each in renewed:
            each.anew = anew
        return renewed

    def revoke(self, partitions: Sequence[TopicPartition], member: Membership) -> None:
        """Settle what is finished, then give partitions up."""
        self._works.collect()
        if not self._reading:
            self._finished.settle(member)
        self.drop(partitions, "revoke")

    def drop(self, partitions: Sequence[TopicPartition], kind: str) -> None:
        """Forget partitions; what is under way for them is cancelled."""
        self._works.drop(partitions)
        self._assignment.drop(partitions, kind)
        self._finished.drop(partitions)

    @property
    def batch(self) -> int:
        """How many records to read at once."""
        return self._assignment.batch

    def turns(self) -> tuple[list[TopicPartition], list[TopicPartition]]:
        """Partitions to pause and to resume."""
        return self._assignment.turns(self._works.references, time.monotonic(), still=self._still)

    # -- records

    def take(self, records: Iterable[Record]) -> None:
        """Take records that were read; those of partitions that are not ours are passed over."""
        for record in records:
            assigned = self.assigned.get(TopicPartition(record.topic, record.partition))
            if assigned is None:
                continue
            assigned.deliver(record)
            if self._still:
                assigned.backlog.append(record)
            else:
                self._admission.take(assigned, record)

    def step(self, member: Membership) -> bool:
        """Do what can be done now; whether something was settled. Raises our errors."""
        self._works.check()
        self._works.collect()
        if self._still:
            self._stood_still = True
            # In doubt it is what is settled first that makes things certain again.
            return not self._reading and self._finished.settle(member)
        self._go_on()
        self._admission.look(self.assigned.values())
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            self._look()
        self._carry_floors_out(member)
        self._publish_again(member)
        return self._finished.due(now, member) and self._finished.settle(member)

    @property
    def _still(self) -> bool:
        """Whether nothing may be started or settled."""
        return self._reading or self._finished.in_doubt

    def _go_on(self) -> None:
        """Let in what came while nothing could be started."""
        if self._stood_still:
            self._stood_still = False
            for assigned in list(self.assigned.values()):
                self._admission.go_on(assigned)

    def _look(self) -> None:
        """Look for retries that are due."""
        room = self._assignment.room(self._works.references)
        for work in self._retries.works(self.assigned.values(), self._works.retrying, room):
            self._works.offer(work)

    def _carry_floors_out(self, member: Membership) -> None:
        for assigned in [each for each in self.assigned.values() if each.floor is not None]:
            if self._floors.carry_out(assigned, member):
                self._admission.go_on(assigned)

    def _publish_again(self, member: Membership) -> None:
        """A page at a time: polling goes on."""
        wanted = (each for each in self.assigned.values() if each.ready and each.again is not None)
        if (assigned := next(wanted, None)) is not None:
            self._publishing_again.carry_out(assigned, member)
