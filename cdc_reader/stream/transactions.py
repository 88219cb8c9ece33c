"""
Where in the stream we are.

Rule P4: what is received first after a start must be the stored last transaction (commit LSN, xid, commit time);
it is skipped. Anything else means that the server does not know our past.
Rule P6: the ordinal counts every insert, update, delete, truncate and transactional message of a transaction,
whether or not we publish it; of a transaction that was published in part, the first ones are skipped.

Keeps: P4, P6.
"""

from __future__ import annotations

from cdc_reader.pgoutput.messages import Begin, Commit
from cdc_reader.postgres.lsn import Lsn
from cdc_reader.progress.unseen_transactions import UnseenTransactions
from cdc_reader.remedies import RESET, RESTORED
from schemas.errors import GapFound, ProtocolError
from schemas.offsets import OpenTransaction, TransactionMark, Unseen


class Transactions:
    """Follows Begin and Commit. `ordinal` is that of the last change, `skip` how many are published already.

    `first` is the transaction that must come first, `last` the last one where that is another. The xids of what begins
    go to `unseen` (rule S1).
    """

    __slots__ = ("_expected", "_resume", "_unseen", "begin", "last", "ordinal", "skip")

    ALL = 1 << 62  # skip the whole transaction

    def __init__(
        self,
        first: TransactionMark | None,
        opened: OpenTransaction | None,
        unseen: UnseenTransactions,
        *,
        last: TransactionMark | None = None,
    ) -> None:
        self.last = last or first
        self.begin: Begin | None = None
        self.ordinal = 0
        self.skip = 0
        self._expected = first
        self._resume = opened
        self._unseen = unseen

    @property
    def inside(self) -> bool:
        """Whether a transaction is open."""
        return self.begin is not None

    @property
    def settled(self) -> bool:
        """Whether nothing is open, and nothing is to come again of what was sent before (rule P3)."""
        return self.begin is None and self._expected is None and self._resume is None

    @property
    def skipping(self) -> bool:
        """Whether the transaction that is open was published before, whole."""
        return self.skip == self.ALL

    def on_begin(self, begin: Begin) -> None:
        """A transaction begins; raises `GapFound` when it is not the one that must come."""
        if self.begin is not None:
            raise ProtocolError(f"expected the commit of transaction {self.begin.xid}, got the begin of {begin.xid}")
        self.begin = begin
        self._unseen.add(begin.xid)
        self.ordinal = 0
        self.skip = self._already_published(begin)

    def _already_published(self, begin: Begin) -> int:
        if self._expected is not None:
            expected, self._expected = self._expected, None
            got = (begin.final_lsn.value, begin.xid, begin.commit_ts_us)
            if got != (expected.commit_lsn, expected.xid, expected.commit_ts_us):
                raise GapFound(
                    expected=f"the stored last transaction {expected.xid} at {Lsn(expected.commit_lsn)} to come first",
                    found=f"{begin.xid} at {begin.final_lsn}: this server's history is not the one that was published",
                    remedy=RESTORED,
                )
            return self.ALL
        if self._resume is not None:
            resume, self._resume = self._resume, None
            if (begin.final_lsn.value, begin.xid) != (resume.commit_lsn, resume.xid):
                raise GapFound(
                    expected=f"transaction {resume.xid} at {Lsn(resume.commit_lsn)}, of which a part is published",
                    found=f"{begin.xid} at {begin.final_lsn}: this server's history is not the one that was published",
                    remedy=RESTORED,
                )
            return resume.ordinal
        return 0

    def on_commit(self, commit: Commit) -> TransactionMark:
        """The transaction is whole; it is the last one now."""
        begin = self.begin
        if begin is None:
            raise ProtocolError(f"expected a begin before the commit at {commit.commit_lsn}")
        if commit.commit_lsn != begin.final_lsn:
            raise ProtocolError(f"expected the commit at {begin.final_lsn}, got one at {commit.commit_lsn}")
        if self.skip > self.ordinal and not self.skipping:
            raise GapFound(
                expected=f"at least {self.skip} changes in transaction {begin.xid}, which are published",
                found=f"{self.ordinal}: it is not the transaction that was published",
                remedy=RESET,
            )
        self.begin = None
        self.skip = 0
        self.last = TransactionMark(commit.commit_lsn.value, commit.end_lsn.value, begin.xid, commit.commit_ts_us)
        return self.last

    def opened(self) -> OpenTransaction | None:
        """The part of the open transaction that is done, for a position inside it, or before it has come again."""
        if self._resume is not None:
            return self._resume
        if self.begin is None or self.skipping:
            return None
        done = max(self.ordinal, self.skip)
        return OpenTransaction(self.begin.final_lsn.value, self.begin.xid, done) if done else None

    def unseen(self) -> Unseen:
        """What was delivered, also by earlier sessions, and no snapshot is known to see yet (rule S1)."""
        return self._unseen.to_store()
