"""Rules of the sink about answers that are not Vespa's, and about refusals, each taken out by one edit."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_UNIT = "tests/unit/vespa_sink"
_ANSWERS = f"{_UNIT}/vespa/test_answers.py"
_FOREIGN = f"{_UNIT}/test_foreign_answers.py"
_BREAKER = f"{_UNIT}/writes/test_breaker.py"
_HELD = f"{_UNIT}/writes/test_held.py"
_ORDER = f"{_UNIT}/writes/test_write_order.py"
_REJECTIONS = f"{_UNIT}/test_rejections.py"
_MARKS = "tests/unit/cdc_runtime/test_vespa_answers.py"
_COMPARED = "tests/unit/rowferry/reconcile/test_index.py"
_SERVERS = "tests/integration/vespa_sink/test_foreign_answers.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="V10",
        without="the look at an answer's body",
        file="vespa_sink/vespa/answers.py",
        text="    if status not in _OF_ANYBODY and not answers_write(status, body):",
        replacement="    if False:",
        tests=(
            f"{_ANSWERS}::test_v10_what_is_not_vespas_own_answer_decides_nothing",
            f"{_FOREIGN}::test_v10_nothing_counts_as_written_before_vespa_itself_answers",
        ),
    ),
    Mutant(
        rule="V10",
        without="statuses that anybody may give",
        file="vespa_sink/vespa/answers.py",
        text="    if status not in _OF_ANYBODY and not",
        replacement="    if not",
        tests=(f"{_ANSWERS}::test_v10_vespas_own_answer_is_known_by_its_body",),
    ),
    Mutant(
        rule="V10",
        without="the doubt whether a foreign answer's write was passed on",
        file="vespa_sink/vespa/answers.py",
        text="bool(answer.foreign) or ",
        replacement="",
        tests=(f"{_ANSWERS}::test_v10_what_is_not_vespas_own_answer_decides_nothing",),
    ),
    Mutant(
        rule="V10",
        without="probes that can only be refused",
        file="vespa_sink/vespa/answers.py",
        text="    if verdict(answer) is Verdict.APPLIED:",
        replacement="    if False:",
        tests=(
            f"{_ANSWERS}::test_v10_who_accepts_a_probe_is_not_vespa",
            f"{_FOREIGN}::test_v10_sink_does_not_start_before_vespa_itself_answers",
            f"{_COMPARED}::test_v10_doctor_takes_no_other_for_an_index",
        ),
    ),
    Mutant(
        rule="V10",
        without="another try after a foreign answer",
        file="vespa_sink/writes/results.py",
        text="if decided in NOT_NOW:",
        replacement="if decided in NOT_NOW and decided is not Verdict.FOREIGN:",
        tests=(
            f"{_FOREIGN}::test_v10_one_foreign_answer_among_good_ones_has_its_write_sent_again",
            f"{_FOREIGN}::test_v10_nothing_counts_as_written_before_vespa_itself_answers",
        ),
    ),
    Mutant(
        rule="V10",
        without="a probe in place of documents",
        file="vespa_sink/writes/writer.py",
        text="            if self._endpoint.is_foreign:",
        replacement="            if False:",
        tests=(f"{_FOREIGN}::test_v10_nothing_counts_as_written_before_vespa_itself_answers",),
    ),
    Mutant(
        rule="V10",
        without="the wait for Vespa itself",
        file="vespa_sink/neighbours.py",
        text="if decided not in (Verdict.RETRY, Verdict.FOREIGN):",
        replacement="if decided is not Verdict.RETRY:",
        tests=(f"{_FOREIGN}::test_v10_sink_does_not_start_before_vespa_itself_answers",),
    ),
    Mutant(
        rule="V10",
        without="leaving redirects of writes alone",
        file="vespa_sink/vespa/client.py",
        text="data=operation.body, allow_redirects=False",
        replacement="data=operation.body",
        tests=(f"{_SERVERS}::test_v10_no_reply_of_a_proxy_is_an_answer",),
    ),
    Mutant(
        rule="V10",
        without="the document in the answer to a write",
        file="cdc_runtime/vespa_answers.py",
        text='"id" if 200 <= status < 300 else "message"',
        replacement='"pathId"',
        tests=(f"{_ANSWERS}::test_v10_what_is_not_vespas_own_answer_decides_nothing",),
    ),
    Mutant(
        rule="V10",
        without="the document in the answer to a read",
        file="cdc_runtime/vespa_answers.py",
        text='status in (200, 404) and _names(body, "pathId", "id")',
        replacement="status in (200, 404)",
        tests=(
            f"{_MARKS}::test_v10_each_kind_of_answer_has_its_own_mark",
            f"{_COMPARED}::test_v10_answer_of_another_is_no_document_and_no_empty_index",
        ),
    ),
    Mutant(
        rule="V10",
        without="the documents of a page",
        file="cdc_runtime/vespa_answers.py",
        text=' and isinstance(body.get("documents"), list)',
        replacement="",
        tests=(f"{_MARKS}::test_v10_page_of_documents_and_a_document_are_not_taken_for_each_other",),
    ),
    Mutant(
        rule="V10",
        without="the root of a search's answer",
        file="cdc_runtime/vespa_answers.py",
        text='isinstance(body.get("root"), dict)',
        replacement="True",
        tests=(f"{_MARKS}::test_v10_each_kind_of_answer_has_its_own_mark",),
    ),
    Mutant(
        rule="V10",
        without="the errors of a search",
        file="rowferry/doctor/vespa_facts.py",
        text=' or body["root"].get("errors")',
        replacement="",
        tests=(f"{_COMPARED}::test_v10_search_that_is_not_answered_is_no_empty_index",),
    ),
    Mutant(
        rule="V13",
        without="the time that a refusal takes",
        file="vespa_sink/writes/breaker.py",
        text=" and now - refused_at.at >= self.thresholds.rollout_s",
        replacement="",
        tests=(
            f"{_BREAKER}::test_refusal_is_final_after_a_rollout_while_others_of_its_table_pass",
            f"{_REJECTIONS}::test_v13_refusal_is_final_when_a_rollout_would_be_over",
            f"{_REJECTIONS}::test_v13_no_good_row_is_given_up_while_containers_differ",
        ),
    ),
    Mutant(
        rule="V13",
        without="others of the table that pass",
        file="vespa_sink/writes/breaker.py",
        text="return self._of(table).passed >= refused_at.passed + others or (others == 1 and self._known_sound(now))",
        replacement="return True",
        tests=(f"{_BREAKER}::test_refusal_is_not_final_because_others_passed_before_it_or_in_another_table",),
    ),
    Mutant(
        rule="V13",
        without="keeping everything of an open table",
        file="vespa_sink/writes/breaker.py",
        text="return not self._is_open(self._of(table)) and now - refused_at.at",
        replacement="return now - refused_at.at",
        tests=(
            f"{_BREAKER}::test_nothing_of_an_open_table_is_final",
            f"{_REJECTIONS}::test_v13_nothing_is_given_up_of_a_table_of_which_nothing_passes",
        ),
    ),
    Mutant(
        rule="V13",
        without="an accepted document closing its table",
        file="vespa_sink/writes/breaker.py",
        text="            state.refused = state.openings = 0",
        replacement="            pass",
        tests=(
            f"{_BREAKER}::test_table_of_which_some_pass_stays_closed_whatever_is_refused",
            f"{_REJECTIONS}::test_v13_table_with_a_fifth_of_bad_rows_goes_on",
        ),
    ),
    Mutant(
        rule="V13",
        without="what passes while a probe is refused",
        file="vespa_sink/writes/breaker.py",
        text="self._lacking = bool(self._refusing)",
        replacement="self._lacking = True",
        tests=(f"{_BREAKER}::test_refused_probe_opens_nothing_while_all_tables_pass",),
    ),
    Mutant(
        rule="V13",
        without="a look at what is accepted: deletes prove nothing",
        file="vespa_sink/writes/rejections.py",
        text="if operation.action is Action.PUT and not attempt",
        replacement="if not attempt",
        tests=(f"{_REJECTIONS}::test_v13_deletes_that_pass_say_nothing_of_the_fields_of_rows",),
    ),
    Mutant(
        rule="V13",
        without="newer writes in place of what is aside",
        file="vespa_sink/writes/write_order.py",
        text="return [] if aside is None else [self._aside.pop(write.document)]",
        replacement="return []",
        tests=(
            f"{_ORDER}::test_v13_newer_write_takes_the_place_of_one_that_is_aside_and_an_older_one_does_not",
            f"{_REJECTIONS}::test_v13_newer_version_takes_the_place_of_a_held_one",
        ),
    ),
    Mutant(
        rule="V13",
        without="older writes that lose against what is aside",
        file="vespa_sink/writes/write_order.py",
        text="for each in (waiting, aside)",
        replacement="for each in (waiting,)",
        tests=(f"{_ORDER}::test_v13_newer_write_takes_the_place_of_one_that_is_aside_and_an_older_one_does_not",),
    ),
    Mutant(
        rule="V13",
        without="floors that end what is aside below them",
        file="vespa_sink/writes/write_order.py",
        text="            ended = self._ended_by(item)\n",
        replacement="            ended: list[Write[P, W]] = []\n",
        tests=(
            f"{_ORDER}::test_v13_barrier_ends_what_is_aside_below_it_and_leaves_the_rest",
            f"{_REJECTIONS}::test_v13_floor_does_not_wait_for_a_held_row_below_it_and_ends_it",
        ),
    ),
    Mutant(
        rule="V13",
        without="rows above a floor, which it leaves",
        file="vespa_sink/writes/write_order.py",
        text="if each.partition == barrier.partition and each.version < barrier.below",
        replacement="if each.partition == barrier.partition",
        tests=(
            f"{_ORDER}::test_v13_barrier_ends_what_is_aside_below_it_and_leaves_the_rest",
            f"{_REJECTIONS}::test_v13_held_row_above_a_floor_is_written_when_it_passes",
        ),
    ),
    Mutant(
        rule="V13",
        without="dropping what is aside with its partition",
        file="vespa_sink/writes/write_order.py",
        text="for writes in (self._waiting, self._aside):",
        replacement="for writes in (self._waiting,):",
        tests=(
            f"{_ORDER}::test_v13_nothing_is_left_aside_of_a_dropped_partition",
            f"{_REJECTIONS}::test_v13_held_row_neither_holds_up_a_rebalance_nor_is_it_passed",
        ),
    ),
    Mutant(
        rule="V13",
        without="a bound of what is held",
        file="vespa_sink/writes/held.py",
        text="return self.full and attempt.refusals",
        replacement="return False and attempt.refusals",
        tests=(
            f"{_HELD}::test_at_the_bound_what_was_refused_ten_times_is_one_too_many",
            f"{_REJECTIONS}::test_v13_at_the_bound_what_was_refused_often_is_given_up_before_its_time",
        ),
    ),
)
