"""
Files, and values that are large or composed.

References to files, keys under a domain of a domain, and values of every kind that has no type of its own in Avro;
each row has a text that PostgreSQL stores apart and does not send again when another column changes.
"""

from __future__ import annotations

from tests.e2e.three_databases.made import Made

_BODY = "0123456789" * 20_000
_PLAN = {
    "folder_id": "1",
    "no": "1",
    "title": "plan",
    "s3_key": "plans/a.txt",
    "detail_s3_keys": '{"front": "b.txt", "bäck/of it": "plans/ä 50%.txt"}',
    "status": "in review",
    "statuses": '{draft,"in review",NULL}',
    "tags": '{a,"b c","\\"q\\"",""}',
    "valid": "[2024-01-01,2024-02-01)",
    "extent": "(1.50,2,m)",
    "body": _BODY,
}
OBJECTS = {
    "plans/a.txt": b"the quick brown fox",
    "b.txt": b"jumps over",
    "plans/ä 50%.txt": b"the lazy dog",
    "list.csv": b"item,count\nbolt,5\nnut,7\n",
}
# What became of references, by the ids of files: status and reason or text.
FILES_AT_FIRST = {
    "drawings/1,1/s3_key": ("fetched", "the quick brown fox"),
    "drawings/1,1/detail_s3_keys/front": ("fetched", "jumps over"),
    "drawings/1,1/detail_s3_keys/b%C3%A4ck%2Fof%20it": ("fetched", "the lazy dog"),
    "drawings/1,2/s3_key": ("fetched", "jumps over"),
    "drawings/2,7/s3_key": ("failed", "not_found"),
}
FILES_AT_LAST = {
    "drawings/1,1/s3_key": ("fetched", "jumps over"),
    "drawings/1,1/detail_s3_keys/front": ("fetched", "the lazy dog"),
    "drawings/1,1/scan_s3_key": ("fetched", "the quick brown fox"),
    "drawings/2,2/s3_key": ("fetched", "jumps over"),
    "drawings/2,2/scan_s3_key": ("fetched", "the quick brown fox"),
    "drawings/2,7/s3_key": ("fetched", "the lazy dog"),
    "drawings/3,50/s3_key": ("fetched", "the quick brown fox"),
}

DRAWINGS = Made(
    tables=f"""
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE DOMAIN "Doc No" AS positive;
    CREATE TYPE status AS ENUM ('draft', 'in review', 'final, "signed"');
    CREATE TYPE extent AS (width numeric, height numeric, unit text);
    CREATE TABLE folders (id "Doc No" PRIMARY KEY, title text);
    CREATE TABLE drawings (
        folder_id "Doc No" REFERENCES folders, no "Doc No", title text, s3_key text, detail_s3_keys jsonb,
        status status, statuses status[], tags text[], valid daterange, extent extent, body text,
        PRIMARY KEY (folder_id, no)
    );
    ALTER TABLE drawings ALTER body SET STORAGE EXTERNAL;
    INSERT INTO folders SELECT n, 'folder ' || n FROM generate_series(1, 3) n;
    INSERT INTO drawings VALUES
        (1, 1, 'plan', 'plans/a.txt', '{{"front": "b.txt", "bäck/of it": "plans/ä 50%.txt"}}', 'in review',
         '{{draft,"in review",NULL}}', '{{a,b c,"\\"q\\"",""}}', '[2024-01-01,2024-01-31]', '(1.50,2,m)', '{_BODY}'),
        (1, 2, 'second', 'b.txt', NULL, 'draft', '{{}}', NULL, 'empty', '(,,)', '{_BODY}'),
        (1, 3, 'list', 'list.csv', '{{}}', NULL, NULL, NULL, NULL, NULL, NULL),
        (2, 7, 'no file', 'none.txt', NULL, NULL, NULL, NULL, NULL, NULL, '{_BODY}')
    """,
    at_first={
        ("drawings", "1,1"): _PLAN,
        ("drawings", "1,2"): {
            "folder_id": "1",
            "no": "2",
            "title": "second",
            "s3_key": "b.txt",
            "status": "draft",
            "statuses": "{}",
            "valid": "empty",
            "extent": "(,,)",
            "body": _BODY,
        },
    },
    while_all_run=(
        "UPDATE drawings SET title = 'changed' WHERE folder_id = 1 AND no = 1",
        "UPDATE drawings SET s3_key = 'list.csv' WHERE no = 2; UPDATE drawings SET s3_key = 'b.txt' WHERE no = 2",
        "INSERT INTO drawings SELECT 3, n, 'drawing ' || n, CASE n % 3 WHEN 0 THEN 'b.txt' WHEN 1 THEN 'list.csv'"
        " ELSE 'plans/a.txt' END FROM generate_series(1, 120) n",
    ),
    while_reader_is_dead=(
        "UPDATE drawings SET s3_key = 'b.txt' WHERE folder_id = 1 AND no = 1",
        # A key changes, and with it the ids of its files; its text is not sent.
        "UPDATE drawings SET folder_id = 2, status = 'final, \"signed\"' WHERE folder_id = 1 AND no = 2",
        "DELETE FROM drawings WHERE folder_id = 1 AND no = 3",
        "ALTER TYPE status ADD VALUE 'void'",
        "ALTER TABLE drawings ADD COLUMN scan_s3_key text DEFAULT 'plans/a.txt'",
        "UPDATE drawings SET scan_s3_key = NULL, statuses = '{void,draft}' WHERE folder_id <> 1 AND no <> 2",
    ),
    while_sink_is_dead=(
        "UPDATE drawings SET body = body || '!' WHERE folder_id = 2 AND no = 7",
        "UPDATE drawings SET status = 'void' WHERE folder_id = 2 AND no = 7",
        "DELETE FROM drawings WHERE folder_id = 3 AND no % 5 <> 0",
    ),
    while_fetcher_is_dead=(
        "UPDATE drawings SET s3_key = 'plans/ä 50%.txt' WHERE folder_id = 2 AND no = 7",
        'UPDATE drawings SET detail_s3_keys = \'{"front": "plans/ä 50%.txt"}\' WHERE folder_id = 1 AND no = 1',
        "DELETE FROM drawings WHERE folder_id = 3 AND no <> 50",
    ),
    at_last={
        ("drawings", "1,1"): _PLAN
        | {
            "title": "changed",
            "s3_key": "b.txt",
            "detail_s3_keys": '{"front": "plans/ä 50%.txt"}',
            "scan_s3_key": "plans/a.txt",
        },
        ("drawings", "1,2"): None,
        ("drawings", "2,2"): {
            "folder_id": "2",
            "no": "2",
            "title": "second",
            "s3_key": "b.txt",
            "status": 'final, "signed"',
            "statuses": "{}",
            "valid": "empty",
            "extent": "(,,)",
            "body": _BODY,
            "scan_s3_key": "plans/a.txt",
        },
        ("drawings", "1,3"): None,
        ("drawings", "2,7"): {
            "folder_id": "2",
            "no": "7",
            "title": "no file",
            "s3_key": "plans/ä 50%.txt",
            "status": "void",
            "statuses": "{void,draft}",
            "body": _BODY + "!",
        },
        ("drawings", "3,50"): {
            "folder_id": "3",
            "no": "50",
            "title": "drawing 50",
            "s3_key": "plans/a.txt",
            "statuses": "{void,draft}",
        },
    },
)
