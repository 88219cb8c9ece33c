"""Rules of neighbours that are lost, and of hosts that are gone, each taken out by one edit; see `tests.mutants`."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_STATE = "tests/unit/cdc_runtime/test_neighbour_state.py"
_NEIGHBOURS = "tests/unit/cdc_runtime/test_neighbours.py"
_STEPS = "tests/unit/cdc_runtime/test_start_steps.py"
_HOSTS = "tests/unit/file_fetcher/fetching/test_hosts_that_are_gone.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        rule="P15",
        without="the loss of a neighbour that is silent",
        file="cdc_runtime/neighbour_state.py",
        text="if self.lost or now - self._heard < self.silence_s:",
        replacement="if True:",
        tests=(
            f"{_STATE}::test_p15_neighbour_is_lost_once_when_it_has_not_answered_for_so_long",
            f"{_NEIGHBOURS}::test_p15_server_that_stands_still_is_told_once_and_once_that_it_is_back",
        ),
    ),
    Mutant(
        rule="P15",
        without="patience with a short stall",
        file="cdc_runtime/neighbour_state.py",
        text="now - self._heard < self.silence_s:",
        replacement="now - self._heard < self.silence_s / 3:",
        tests=(f"{_STATE}::test_p15_stall_of_ten_seconds_is_no_loss",),
    ),
    Mutant(
        rule="P15",
        without="an answer that brings it back",
        file="cdc_runtime/neighbour_state.py",
        text="was_lost, self.lost = self.lost, False",
        replacement="was_lost = self.lost",
        tests=(f"{_STATE}::test_p15_one_answer_brings_it_back_once",),
    ),
    Mutant(
        rule="P15",
        without="leave for time in which this process stood still",
        file="cdc_runtime/neighbour_state.py",
        text="if now - self._looked > _HELD_UP_S:",
        replacement="if False:",
        tests=(f"{_STATE}::test_p15_time_in_which_nobody_looked_is_not_its_silence",),
    ),
    Mutant(
        rule="P15",
        without="an answer in a refusal",
        file="cdc_runtime/neighbours.py",
        text="            except RowferryError:\n",
        replacement="            except RowferryError as exc:\n"
        "                state.failed(str(exc))\n                continue\n",
        tests=(f"{_NEIGHBOURS}::test_p15_server_that_refuses_us_is_there",),
    ),
    Mutant(
        rule="P15",
        without="the end of a start that hangs",
        file="cdc_runtime/neighbours.py",
        text="            self._give_up(self._missing(neighbour, state))\n",
        replacement="",
        tests=(f"{_NEIGHBOURS}::test_p15_start_in_which_a_neighbour_does_not_answer_is_given_up",),
    ),
    Mutant(
        rule="P15",
        without="patience of a service that was prepared once",
        file="cdc_runtime/neighbours.py",
        text="if self._preparing and not self._prepared_once and silent_s",
        replacement="if self._preparing and silent_s",
        tests=(f"{_NEIGHBOURS}::test_p15_service_that_was_prepared_once_waits_for_ever",),
    ),
    Mutant(
        rule="P15",
        without="ticks while the main thread prepares",
        file="cdc_runtime/neighbours.py",
        text="                self._health.tick()\n",
        replacement="                pass\n",
        tests=(f"{_NEIGHBOURS}::test_p15_main_thread_that_prepares_is_alive_however_long_a_call_takes",),
    ),
    Mutant(
        rule="P15",
        without="another try of a step",
        file="cdc_runtime/start_steps.py",
        text="if time.monotonic() >= deadline:",
        replacement="if True:",
        tests=(
            f"{_STEPS}::test_p15_step_is_tried_until_the_neighbour_is_there",
            f"{_STEPS}::test_p15_start_ends_with_the_neighbour_when_the_time_is_over_and_not_before",
        ),
    ),
    Mutant(
        rule="F7",
        without="attempts that a host which is gone uses up",
        file="file_fetcher/fetching/fetch.py",
        text="if isinstance(problem, Blocked) and _of_a_host(problem) and not self._will_come_back(origin):",
        replacement="if False:",
        tests=(f"{_HOSTS}::test_f7_host_that_never_answered_ends_its_references_after_the_retries",),
    ),
    Mutant(
        rule="F7",
        without="attempts of what is not tried, since its host is left alone",
        file="file_fetcher/fetching/fetch.py",
        text="if isinstance(source, HttpUrl) and reason in _OF_THE_ORIGIN and not",
        replacement="if False and not",
        tests=(f"{_HOSTS}::test_f7_reference_that_is_not_tried_since_its_host_is_left_alone_ends_too",),
    ),
    Mutant(
        rule="F7",
        without="trust in a host that answered",
        file="file_fetcher/fetching/retry_policy.py",
        text="return silent_s is not None and silent_s < sum(delays_s)",
        replacement="return False",
        tests=(
            f"{_HOSTS}::test_f7_outage_of_a_host_that_answered_is_nobodys_fault_for_as_long_as_the_pauses",
            f"{_HOSTS}::test_f7_host_that_has_nothing_for_us_has_answered",
        ),
    ),
    Mutant(
        rule="F7",
        without="an end of the trust",
        file="file_fetcher/fetching/retry_policy.py",
        text="silent_s < sum(delays_s)",
        replacement="silent_s >= 0",
        tests=(f"{_HOSTS}::test_f7_host_is_believed_in_for_as_long_as_all_pauses",),
    ),
    Mutant(
        rule="F7",
        without="waiting for a store, whatever a host does",
        file="file_fetcher/fetching/fetch.py",
        text="return problem.neighbour is Neighbour.WEB and problem.reason",
        replacement="return problem.reason",
        tests=(
            f"{_HOSTS}::test_f7_what_is_no_host_of_a_link_waits_for_ever",
            f"{_HOSTS}::test_f7_store_that_does_not_answer_is_no_hosts_fault",
        ),
    ),
    Mutant(
        rule="F7",
        without="an attempt that waits until the host is asked again",
        file="file_fetcher/fetching/retry_policy.py",
        text="max(delays_s[failed.attempt], wait_s + 1)",
        replacement="delays_s[failed.attempt]",
        tests=(f"{_HOSTS}::test_f7_attempt_waits_until_the_host_is_asked_again",),
    ),
)
