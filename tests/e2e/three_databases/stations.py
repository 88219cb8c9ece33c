"""
Partitions, enums, domains and foreign keys.

Partitions of partitions, keys under a domain of a domain and of an enum, every kind of foreign key. citext where the
server has it: the one that devstack starts has no extensions.
"""

from __future__ import annotations

from tests.e2e.three_databases.made import Made

_STATION = {"region": "north", "no": "1", "mood": "ok", "title": "Harbour"}
_READING = {"region": "north", "no": "1", "day": "2024-03-01", "mood": "ok", "value": "1.50", "note": "first"}

STATIONS = Made(
    tables="""
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') THEN CREATE EXTENSION citext;
        ELSE CREATE DOMAIN citext AS text; END IF;
    END $$;
    CREATE DOMAIN code AS text CHECK (VALUE <> '');
    CREATE DOMAIN "Region Code" AS code CHECK (length(VALUE) < 20);
    CREATE TYPE "Mood" AS ENUM ('sad', 'ok', 'very "glad", indeed');
    CREATE TABLE stations (
        region "Region Code", no smallint, mood "Mood", title citext UNIQUE,
        upper_region "Region Code", upper_no smallint,
        PRIMARY KEY (region, no), FOREIGN KEY (upper_no, upper_region) REFERENCES stations (no, region)
    );
    ALTER TABLE stations REPLICA IDENTITY FULL;
    CREATE TABLE readings (
        region "Region Code", no smallint, day date, mood "Mood", value numeric(10, 2), note text,
        PRIMARY KEY (mood, day, region, no), FOREIGN KEY (no, region) REFERENCES stations (no, region)
    ) PARTITION BY RANGE (day);
    CREATE TABLE "Readings 2023" PARTITION OF readings FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
    CREATE TABLE readings_2024 PARTITION OF readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
        PARTITION BY LIST (region);
    CREATE TABLE readings_2024_north PARTITION OF readings_2024 FOR VALUES IN ('north');
    CREATE TABLE readings_2024_rest PARTITION OF readings_2024 DEFAULT PARTITION BY LIST (mood);
    CREATE TABLE readings_2024_sad PARTITION OF readings_2024_rest FOR VALUES IN ('sad');
    CREATE TABLE readings_2024_others PARTITION OF readings_2024_rest DEFAULT;
    CREATE TABLE readings_other PARTITION OF readings DEFAULT;
    ALTER TABLE "Readings 2023" REPLICA IDENTITY FULL;
    CREATE TABLE batches (
        kind "Mood", twice integer GENERATED ALWAYS AS (no * 2) STORED, no integer, title text, PRIMARY KEY (kind, no)
    ) PARTITION BY LIST (kind);
    CREATE TABLE batches_sad PARTITION OF batches FOR VALUES IN ('sad');
    CREATE TABLE batches_rest PARTITION OF batches DEFAULT;
    CREATE TABLE remarks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, batch_no integer, batch_kind "Mood", body text,
        FOREIGN KEY (batch_no, batch_kind) REFERENCES batches (no, kind) ON UPDATE CASCADE ON DELETE CASCADE
    );

    INSERT INTO stations VALUES ('north', 1, 'ok', 'Harbour', NULL, NULL), ('north', 2, 'sad', 'hill', 'north', 1),
        ('söuth/1', 1, 'very "glad", indeed', 'Tower', 'north', 2), ('east', 1, NULL, NULL, 'east', 1);
    INSERT INTO readings (region, no, day, mood, value, note) VALUES ('north', 1, '2024-03-01', 'ok', 1.5, 'first');
    INSERT INTO readings (region, no, day, mood, value)
        SELECT region, no, date '2023-01-15' + n * 11, m, n / 3.0
        FROM stations, generate_series(1, 80) n, unnest(enum_range(NULL::"Mood")) m WHERE n % 3 = no % 3;
    INSERT INTO batches (kind, no, title)
        SELECT m, n, m || ' ' || n FROM generate_series(1, 20) n, unnest(enum_range(NULL::"Mood")) m;
    INSERT INTO remarks (batch_no, batch_kind, body) SELECT no, kind, 'on ' || title FROM batches WHERE no % 2 = 0
    """,
    at_first={
        ("stations", "north,1"): _STATION,
        ("stations", "s%C3%B6uth%2F1,1"): {
            "region": "söuth/1",
            "no": "1",
            "mood": 'very "glad", indeed',
            "title": "Tower",
            "upper_region": "north",
            "upper_no": "2",
        },
        ("readings", "ok,2024-03-01,north,1"): _READING,
        ("readings", "very%20%22glad%22%2C%20indeed,2023-02-28,east,1"): {
            "region": "east",
            "no": "1",
            "day": "2023-02-28",
            "mood": 'very "glad", indeed',
            "value": "1.33",
        },
        ("batches", "sad,4"): {"kind": "sad", "no": "4", "title": "sad 4"},
    },
    while_all_run=(
        "UPDATE stations SET mood = 'sad', title = 'HARBOUR' WHERE no = 1 AND region = 'north'",
        # From one leaf to another, and keys that two rows change with each other.
        "UPDATE readings SET day = '2023-06-06' WHERE note = 'first'",
        "UPDATE batches SET no = 0 WHERE no = 4; UPDATE batches SET no = 4 WHERE no = 6;"
        "UPDATE batches SET no = 6 WHERE no = 0",
        "DELETE FROM batches WHERE no IN (8, 9)",
        "ALTER TYPE \"Mood\" ADD VALUE 'brand new' BEFORE 'ok'",
        "INSERT INTO batches (kind, no, title) VALUES ('brand new', 1, 'of a value that was not there')",
        "INSERT INTO readings (region, no, day, mood, value, note)"
        " SELECT 'north', 2, date '2024-02-01' + n % 300, (CASE WHEN n < 300 THEN 'ok' ELSE 'brand new' END)::\"Mood\","
        " n, 'many' FROM generate_series(0, 599) n ON CONFLICT DO NOTHING",
    ),
    while_reader_is_dead=(
        'TRUNCATE "Readings 2023"',
        "ALTER TABLE readings ADD COLUMN grade \"Mood\" DEFAULT 'brand new'",
        "ALTER TABLE readings_2024 DETACH PARTITION readings_2024_north",
        "UPDATE readings_2024_north SET note = 'alone' WHERE value = 5;DELETE FROM readings_2024_north WHERE value < 5",
        "CREATE TABLE readings_2025 (LIKE readings INCLUDING ALL)",
        "DELETE FROM readings_other; INSERT INTO readings_2025 (region, no, day, mood, value)"
        " VALUES ('east', 1, '2025-05-05', 'sad', -0.5)",
        "ALTER TABLE readings ATTACH PARTITION readings_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "INSERT INTO readings (region, no, day, mood) VALUES ('east', 1, '2031-01-01', 'ok'),"
        " ('east', 1, '2025-06-06', 'brand new'), ('east', 1, '2023-02-02', 'sad')",
    ),
    while_sink_is_dead=(
        "UPDATE readings_2024_north SET note = 'still alone' WHERE value BETWEEN 6 AND 7",
        "ALTER TABLE readings_2024 ATTACH PARTITION readings_2024_north FOR VALUES IN ('north')",
        "UPDATE readings SET day = day - 400, note = 'moved' WHERE region = 'north' AND value BETWEEN 10 AND 20"
        " AND note = 'many'",
        "TRUNCATE batches_sad, remarks",
        "UPDATE stations SET (upper_region, upper_no) = (region, no)",
    ),
    at_last={
        ("stations", "north,1"): _STATION
        | {"mood": "sad", "title": "HARBOUR", "upper_region": "north", "upper_no": "1"},
        ("readings", "ok,2024-03-01,north,1"): None,
        ("readings", "ok,2023-06-06,north,1"): None,  # in the truncated leaf
        ("readings", "ok,2024-02-06,north,2"): {
            "region": "north",
            "no": "2",
            "day": "2024-02-06",
            "mood": "ok",
            "value": "5.00",
            "note": "alone",
            "grade": "brand new",
        },
        ("readings", "ok,2024-02-05,north,2"): None,
        ("readings_2024_north", "ok,2024-02-06,north,2"): None,
        ("readings", "ok,2023-01-07,north,2"): {
            "region": "north",
            "no": "2",
            "day": "2023-01-07",
            "mood": "ok",
            "value": "10.00",
            "note": "moved",
            "grade": "brand new",
        },
        ("readings", "sad,2025-05-05,east,1"): {
            "region": "east",
            "no": "1",
            "day": "2025-05-05",
            "mood": "sad",
            "value": "-0.50",
            "grade": "brand new",
        },
        ("readings", "ok,2031-01-01,east,1"): {
            "region": "east",
            "no": "1",
            "day": "2031-01-01",
            "mood": "ok",
            "grade": "brand new",
        },
        ("batches", "sad,4"): None,
        ("batches", "ok,4"): {"kind": "ok", "no": "4", "title": "ok 6"},
        ("batches", "ok,6"): {"kind": "ok", "no": "6", "title": "ok 4"},
        ("batches", "brand%20new,1"): {"kind": "brand new", "no": "1", "title": "of a value that was not there"},
        ("remarks", "1"): None,
    },
)
