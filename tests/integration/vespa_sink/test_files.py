"""Results of files and rows of spreadsheets become documents, and only newer ones replace older ones."""

from __future__ import annotations

import time

from schemas.file_results import Extraction, Status, file_row_id
from tests.waiting import eventually

DAY_MS = 24 * 3600 * 1000
FILE = "photos/7/image_s3_key"


def _line(number: int, row: int = 7) -> str:
    return file_row_id(f"photos/{row}/image_s3_key", "Sheet 1", number)


def test_fetched_file_is_found_by_its_words_until_nothing_refers_to_it(files, file_index, sink) -> None:
    result = files.file(7, 50)
    files.flush()
    fields = eventually(lambda: file_index.get(FILE), what="the file's document")
    assert (fields["record_id"], fields["source_table"], fields["project_id"]) == ("photos/7", "photos", 3)
    assert (fields["status"], fields["sha256"], fields["source_uri"]) == (
        "fetched",
        "ab" * 32,
        "s3://files/images/7.pdf",
    )
    assert (fields["version"], fields["row_version"], fields["extraction_status"]) == (result.version, 50, "ok")
    assert file_index.search('content_text contains "anchors" and status contains "fetched"') == {FILE}
    assert file_index.search('record_id contains "photos/7"') == {FILE}

    gone = files.gone(7, 51)
    files.flush()
    eventually(lambda: file_index.version(FILE) == gone.version, what="the memory of the file")
    memory = file_index.get(FILE)
    assert memory is not None
    assert memory.keys() == {"deleted", "version", "expire_at"}
    assert abs(memory["expire_at"] - (time.time() + 7 * 24 * 3600)) < 120
    assert file_index.search('content_text contains "anchors"') == set()


def test_file_that_was_not_fetched_says_why(files, file_index, sink) -> None:
    files.file(7, 50, status=Status.SKIPPED, reason="too_large", content=None, extraction=None)
    files.flush()
    eventually(lambda: file_index.get(FILE), what="the file's document")
    assert file_index.search('status contains "skipped" and reason contains "too_large"') == {FILE}
    assert "content_text" not in file_index.get(FILE)


def test_f3_results_of_older_rows_and_attempts_lose(files, file_index, sink) -> None:
    newest = files.file(7, 50, attempt=2, file_name="newest.pdf")
    gone = files.gone(9, 50)
    files.flush()
    eventually(lambda: file_index.version(FILE) == newest.version, what="the file")
    eventually(lambda: file_index.version("photos/9/image_s3_key") == gone.version, what="the memory")
    files.file(7, 50, attempt=1)
    files.file(7, 49, attempt=4095)
    files.file(9, 49, attempt=3)
    last = files.file(11, 1)
    files.flush()
    eventually(lambda: file_index.version("photos/11/image_s3_key") == last.version, what="the last of the partition")
    eventually(lambda: sink.metric("rowferry_sink_operations_total", result="superseded") >= 2, what="refusals")
    assert file_index.get(FILE)["file_name"] == "newest.pdf"
    assert file_index.get("photos/9/image_s3_key")["deleted"] is True
    assert sink.metric("rowferry_sink_future_versions_total") == 0


def test_reference_that_comes_back_is_written_again(files, file_index, sink) -> None:
    gone = files.gone(7, 50)
    files.flush()
    eventually(lambda: file_index.version(FILE) == gone.version, what="the memory")
    back = files.file(7, 51)
    files.flush()
    eventually(lambda: file_index.version(FILE) == back.version, what="the file")
    fields = file_index.get(FILE)
    assert (fields["deleted"], fields["file_name"], "expire_at" in fields) == (False, "7.pdf", False)


def test_accepted_rows_are_found_and_rejected_or_surplus_ones_go(files, line_index, sink) -> None:
    for number in (2, 3, 4):
        files.line(7, number, 50, {"Name": f"Beam {number}", "Note": "galvanised"})
    files.flush()
    eventually(lambda: all(line_index.get(_line(number)) for number in (2, 3, 4)), what="three rows")
    fields = line_index.get(_line(3))
    assert fields["values"] == {"Name": "Beam 3", "Note": "galvanised"}
    assert (fields["sheet"], fields["row_number"], fields["project_id"]) == ("Sheet 1", 3, 3)
    assert line_index.search('content_text contains "galvanised" and row_number = 3') == {FILE}
    assert line_index.search('values contains sameElement(key contains "Name", value contains "Beam 4")') == {FILE}

    files.line(7, 2, 51, {"Name": "Beam 2", "Note": "painted"})
    files.line(7, 3, 51, {}, reason="more than 500 columns")
    files.line(7, 4, 51, {}, gone=True)
    files.flush()
    eventually(lambda: all(line_index.version(_line(number)) == 51 * 4096 for number in (2, 3, 4)), what="new versions")
    assert [bool(line_index.get(_line(number))["deleted"]) for number in (2, 3, 4)] == [False, True, True]
    assert line_index.search('content_text contains "galvanised"') == set()
    assert line_index.search('content_text contains "painted"') == {FILE}


def test_texts_and_ids_of_any_kind_are_carried(files, file_index, line_index, sink) -> None:
    odd = "odd/a%2Fb%2C%20%C3%A6/s3_keys/x%2F%3F"
    extraction = Extraction("ok", text="bell\x07 and \ufffe", meta={"ti\x00tle": "a\x0b"}, warnings=("cut\x01",))
    files.file(7, 50, file_id=odd, file_name="\x02.pdf", key="a//\x03b", extraction=extraction)
    line = files.line(7, 3, 50, {"he\x00ad": "va\x01lue"}, sheet="Blatt 'ä'/1")
    files.flush()
    fields = eventually(lambda: file_index.get(odd), what="the odd file")
    assert (fields["content_text"], fields["file_name"]) == ("bell\ufffd and \ufffd", "\ufffd.pdf")
    assert (fields["metadata"], fields["warnings"]) == ({"ti\ufffdtle": "a\ufffd"}, ["cut\ufffd"])
    fields = eventually(lambda: line_index.get(line.row_id), what="the odd row")
    assert (fields["values"], fields["sheet"]) == ({"he\ufffdad": "va\ufffdlue"}, "Blatt 'ä'/1")
    assert sink.metric("rowferry_sink_replaced_code_points_total") == 10


def test_topics_of_files_may_appear_after_the_start(late_files, feeder, index, file_index, line_index, sink) -> None:
    feeder.put(feeder.table("rows"), {"id": 1, "title": "a", "project_id": 1})
    feeder.flush()
    eventually(lambda: index.get("rows/1"), what="a row, so that the sink runs")
    late_files.create_topics()
    late_files.file(7, 50)
    late_files.line(7, 3, 50, {"Name": "Beam"})
    late_files.flush()
    eventually(lambda: file_index.get(FILE) and line_index.get(_line(3)), 150, what="the file and its row")


def test_file_too_large_for_the_index_gives_up_its_text_first(files, file_index, make_sink, vespa) -> None:
    make_sink(vespa.url, vespa__max_document_bytes="3000")
    text = "word " * 2000
    files.file(7, 50, extraction=Extraction("ok", text=text, text_chars=10_000))
    files.flush()
    fields = eventually(lambda: file_index.get(FILE), what="the file")
    assert fields["truncated"] is True
    assert 100 < len(fields["content_text"]) < 3000
    assert (fields["text_chars"], fields["file_name"]) == (10_000, "7.pdf")


def test_what_is_no_result_is_dead_lettered_and_the_next_goes_on(files, feeder, file_index, line_index, sink) -> None:
    files.raw(files.topics.files, FILE, b"{}", 7)
    files.raw(files.topics.files, FILE, None, 7)
    files.raw(files.topics.file_rows, _line(3), b"no json", 7)
    result = files.file(7, 50)
    files.line(7, 4, 50, {"Name": "Beam"})
    files.flush()
    eventually(lambda: file_index.version(FILE) == result.version, what="the file")
    eventually(lambda: line_index.get(_line(4)), what="the row")
    eventually(lambda: len(feeder.dead_letters(sink.group)) == 3, what="three dead letters")
    assert {each.key for each in feeder.dead_letters(sink.group)} == {FILE.encode(), _line(3).encode()}


def test_v7_position_in_topics_of_files_may_be_of_any_age(files, feeder, file_index, make_sink, vespa) -> None:
    files.file(7, 50)
    files.file(8, 50)
    files.flush()
    group = f"{feeder.kafka.prefix}-sink"
    old = f"as_of_ms={int(time.time() * 1000) - 30 * DAY_MS}"
    feeder.commit_topic(group, files.topics.files, {0: 0, 1: 0}, old)
    make_sink(vespa.url)
    eventually(lambda: file_index.get(FILE) and file_index.get("photos/8/image_s3_key"), what="both files")
    assert feeder.commands() == []


def test_v8_version_of_a_file_from_the_future_is_an_alarm(files, file_index, sink) -> None:
    ahead_us = time.time_ns() // 1000 + 3600 * 1_000_000
    file_index.put(FILE, {"file_id": FILE, "namespace": file_index.namespace, "version": ahead_us * 4096})
    files.file(7, time.time_ns() // 1000)
    files.flush()
    eventually(lambda: sink.metric("rowferry_sink_future_versions_total") == 1, what="the alarm")
    (event,) = sink.events("the index holds a version from the future: newer rows are refused")
    assert 3500 < event["ahead_s"] <= 3600
    assert event["remedy"] == f"cdc-reader run --version-seed {ahead_us}, or remove the document"
    result = files.file(7, ahead_us + 1)  # of a row that the reader writes then
    files.flush()
    eventually(lambda: file_index.version(FILE) == result.version, what="the file")


def test_restarted_sink_goes_on_behind_the_files_it_has_written(files, file_index, sink, make_sink, vespa) -> None:
    files.file(8, 50)
    files.flush()
    eventually(lambda: file_index.get("photos/8/image_s3_key"), what="the first file")
    assert sink.stop() == 0
    second = make_sink(vespa.url)
    files.file(10, 50)
    files.flush()
    eventually(lambda: file_index.get("photos/10/image_s3_key"), what="the second file")
    topic = files.topics.files
    assert second.metric("rowferry_sink_records_consumed_total", topic=topic) == 1
