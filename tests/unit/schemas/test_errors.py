"""An error says what was expected and found in fields, and in a sentence that is made of them."""

from __future__ import annotations

import pytest

from schemas.errors import (
    GapFound,
    Neighbour,
    ProtocolError,
    RowferryError,
    ServerSetting,
    SettingsError,
    SlotBusy,
    SlotLost,
    TransientError,
    Unreachable,
)


def test_the_message_is_made_of_what_was_expected_and_found():
    error = ServerSetting(expected="wal_level = logical", found="replica", remedy="set it")
    assert str(error) == "expected wal_level = logical, got replica"
    assert (error.expected, error.found, error.remedy) == ("wal_level = logical", "replica", "set it")


def test_what_is_found_is_never_left_blank():
    assert str(ServerSetting(expected="a license", found="")) == "expected a license, got nothing"


def test_an_error_of_bytes_says_what_to_do_though_its_place_does_not():
    assert str(ProtocolError("expected x, got y").remedy).startswith("report it")
    assert ProtocolError("expected x, got y", remedy="update the server").remedy == "update the server"


def test_a_message_of_its_own_is_kept():
    error = SlotLost("the server ended the replication stream", remedy="reset")
    assert (str(error), error.expected, error.found) == ("the server ended the replication stream", "", "")


@pytest.mark.parametrize(
    ("error", "neighbour"),
    [
        (SettingsError("expected x, got y"), None),
        (SlotBusy("held"), Neighbour.POSTGRES),
        (SlotLost("gone"), Neighbour.POSTGRES),
        (GapFound("a gap"), Neighbour.POSTGRES),
        (Unreachable("expected an answer", neighbour=Neighbour.VESPA), Neighbour.VESPA),
    ],
)
def test_an_error_knows_at_whose_edge_it_arose(error, neighbour):
    assert error.neighbour is neighbour


@pytest.mark.parametrize(("remedy", "told"), [(None, "start it"), ("stop it", "stop it")])
def test_another_class_tells_the_same(remedy, told):
    first = Unreachable(expected="an answer", found="none", neighbour=Neighbour.KAFKA, remedy="start it")
    other = TransientError.of(first, remedy=remedy)
    assert type(other) is TransientError
    assert str(other) == "expected an answer, got none"
    assert (other.expected, other.found, other.neighbour, other.remedy) == ("an answer", "none", Neighbour.KAFKA, told)


def test_a_class_attribute_is_not_changed_by_an_error_of_it():
    RowferryError("x", neighbour=Neighbour.S3)
    assert RowferryError("y").neighbour is None
