"""Rules of calls into client libraries, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RUNTIME = "tests/unit/cdc_runtime"
_BOUNDS = f"{_RUNTIME}/test_call_bounds.py"
_CALLS = f"{_RUNTIME}/test_bounded_calls.py"
_BODY = f"{_RUNTIME}/test_body_thread.py"
_HUNG = "tests/unit/file_fetcher/test_hung_calls.py"
_WATCH = f"{_RUNTIME}/kafka/test_broker_watch.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P13",
        without="leaving behind only what may be left",
        file="cdc_runtime/call_bounds.py",
        text="call.may_be_left and not left_before",
        replacement="not left_before",
        tests=(f"{_BOUNDS}::test_p13_one_call_is_left_behind_once_and_every_other_ends_the_process",),
    ),
    Mutant(
        rule="P13",
        without="leaving behind once only",
        file="cdc_runtime/call_bounds.py",
        text="call.may_be_left and not left_before",
        replacement="call.may_be_left",
        tests=(
            f"{_BOUNDS}::test_p13_one_call_is_left_behind_once_and_every_other_ends_the_process",
            f"{_CALLS}::test_p13_second_call_that_does_not_return_ends_the_process",
        ),
    ),
    Mutant(
        rule="P13",
        without="a bound above the transaction's time",
        file="cdc_runtime/call_bounds.py",
        text="    bound_s = transaction_s + _TRANSACTION_MARGIN_S\n",
        replacement="    bound_s = transaction_s - _TRANSACTION_MARGIN_S\n",
        tests=(
            f"{_BOUNDS}::test_p13_transaction_ends_before_its_call_is_left_and_the_call_before_the_group_loses_its_member",
        ),
    ),
    Mutant(
        rule="P13",
        without="passing over time in which the process did not run",
        file="cdc_runtime/call_bounds.py",
        text="return min(elapsed_s, _LONGEST_LOOK_S)",
        replacement="return elapsed_s",
        tests=(f"{_BOUNDS}::test_p13_time_in_which_the_process_did_not_run_is_not_counted",),
    ),
    Mutant(
        rule="P13",
        without="keeping what was left behind",
        file="cdc_runtime/bounded_calls.py",
        text="            self.keep(client())\n",
        replacement="            self.keep(None)\n",
        tests=(f"{_CALLS}::test_p13_client_that_was_left_behind_is_never_freed",),
    ),
    Mutant(
        rule="P13",
        without="an end of the process past the bound",
        file="cdc_runtime/bounded_calls.py",
        text="                self._end_by(each.call)\n",
        replacement="                pass\n",
        tests=(
            f"{_CALLS}::test_p13_call_that_may_not_be_left_behind_ends_the_process_and_is_named",
            f"{_HUNG}::test_p13_take_over_that_never_returns_ends_the_process",
        ),
    ),
    Mutant(
        rule="P13",
        without="a bound of the offsets in a transaction that leaves them behind",
        file="cdc_runtime/kafka/producer.py",
        text='self._call("send_offsets_to_transaction", may_be_left=True)',
        replacement='self._call("send_offsets_to_transaction")',
        tests=(f"{_HUNG}::test_p13_offsets_that_are_never_taken_are_left_behind_and_a_new_producer_goes_on",),
    ),
    Mutant(
        rule="P13",
        without="calls back of our own that are no time of the call",
        file="cdc_runtime/bounded_calls.py",
        text="            each.aside = True\n",
        replacement="            each.aside = False\n",
        tests=(f"{_CALLS}::test_p13_call_back_into_our_own_code_is_no_time_of_the_call",),
    ),
    Mutant(
        rule="P13",
        without="a new member where the client has lost all brokers",
        file="cdc_runtime/kafka/consumer.py",
        text="        if self._watch.lost:\n",
        replacement="        if False:\n",
        tests=(f"{_WATCH}::test_p13_member_without_brokers_begins_anew_and_what_it_held_is_lost",),
    ),
    Mutant(
        rule="P13",
        without="silence of the client that was replaced",
        file="cdc_runtime/kafka/consumer.py",
        text="""    def _revoked(self, client: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        if client is not self._consumer:
""",
        replacement="""    def _revoked(self, client: Consumer, topic_partitions: list[KafkaTopicPartition]) -> None:
        if False:
""",
        tests=(f"{_WATCH}::test_p13_member_without_brokers_begins_anew_and_what_it_held_is_lost",),
    ),
    Mutant(
        rule="P13",
        without="reading on with a new client where the old one has lost all brokers",
        file="cdc_runtime/kafka/tail.py",
        text="        if self._watch.lost:\n",
        replacement="        if False:\n",
        tests=(f"{_WATCH}::test_p13_tail_without_brokers_reads_on_where_it_was",),
    ),
    Mutant(
        rule="F1",
        without="taking over before partitions are given up",
        file="file_fetcher/settling/publisher.py",
        text="            self._succeed(exc)\n",
        replacement="",
        tests=(f"{_HUNG}::test_f1_nothing_is_open_of_a_partition_that_is_given_up_though_its_call_never_returned",),
    ),
    Mutant(
        rule="P13",
        without="an end of the process at once where something was left behind",
        file="cdc_runtime/service.py",
        text="    if CALLS.left:\n",
        replacement="    if False:\n",
        tests=(f"{_CALLS}::test_p13_orderly_end_is_orderly_though_something_was_left_behind",),
    ),
    Mutant(
        rule="P13",
        without="forgetting a call that was left behind",
        file="cdc_runtime/bounded_calls.py",
        text="            under_way.aside = True\n",
        replacement="",
        tests=(f"{_CALLS}::test_p13_call_that_was_left_behind_is_not_taken_for_the_second_one",),
    ),
    Mutant(
        rule="P7",
        without="letting a client go that was given up",
        file="cdc_runtime/kafka/producer.py",
        text="                getattr(self._producer, name)(wait_s)\n",
        replacement="                method = getattr(self._producer, name)\n                method(wait_s)\n",
        tests=(
            "tests/integration/cdc_runtime/test_kafka_producers.py::"
            "test_p7_client_that_is_given_up_lives_no_longer_than_its_close",
        ),
    ),
    Mutant(
        rule="P7",
        without="telling the broker's own fence from another instance",
        file="cdc_runtime/kafka/transaction_errors.py",
        text="time.monotonic() - began_at >= self.timeout_s",
        replacement="False",
        tests=(f"{_HUNG}::test_p7_fence_of_a_transaction_whose_time_is_over_is_its_abort",),
    ),
    Mutant(
        rule="P13",
        without="a tick while a call is held",
        file="cdc_runtime/body_thread.py",
        text="            self._health.tick()\n",
        replacement="            pass\n",
        tests=(f"{_BODY}::test_p13_call_that_is_held_counts_as_alive_and_not_as_ready",),
    ),
    Mutant(
        rule="P13",
        without="a reason for not being ready while a call takes long",
        file="cdc_runtime/body_thread.py",
        text="slowest[1] > SLOW_S",
        replacement="False",
        tests=(f"{_BODY}::test_p13_call_that_is_held_counts_as_alive_and_not_as_ready",),
    ),
    Mutant(
        rule="P13",
        without="an end at the end of the time for stopping",
        file="cdc_runtime/body_thread.py",
        text="            self._end(code)\n",
        replacement="            pass\n",
        tests=(f"{_BODY}::test_p13_end_of_the_time_for_stopping_ends_the_process",),
    ),
)
