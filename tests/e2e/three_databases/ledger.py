"""
Keys and names.

Composite keys of many types, names that must be quoted, keywords as names, and keys of characters that mean something
in URLs, JSON, CSV or SQL.
"""

from __future__ import annotations

from tests.e2e.three_databases.made import Made

_ID = "00000000-0000-4000-8000-000000000007"
_ITEM = "Back%20Office.Line%20Item"
_SEVEN = {
    "No": "7",
    "code": "a/b,50%",
    "id": _ID,
    "day": "2024-02-29",
    "case": "Case",
    "order": "1.50",
    "body": '{"a": [true, null], "b": "ü"}',
    "raw": "\\x00ff",
}

LEDGER = Made(
    tables=r"""
    CREATE SCHEMA "Back Office";
    CREATE TABLE "Ledger" (
        "No" integer, code text, id uuid, day date, "case" text, "order" numeric, body jsonb, raw bytea,
        PRIMARY KEY (code, "No", day, id)
    );
    CREATE TABLE "Back Office"."Line Item" (
        "Name" text PRIMARY KEY, "Total %" numeric(12, 3), "a ""quoted"" name" text,
        ledger_id uuid, "Ledger No" integer, ledger_day date, ledger_code text,
        FOREIGN KEY ("Ledger No", ledger_code, ledger_id, ledger_day) REFERENCES "Ledger" ("No", code, id, day)
            ON UPDATE CASCADE
    );
    CREATE TABLE "order" ("case" numeric, "user" timestamptz, "select" text, PRIMARY KEY ("case", "user"));
    CREATE TABLE "Blob" (id bytea, meta jsonb, "Flag" boolean, PRIMARY KEY (id, meta));

    INSERT INTO "Ledger" VALUES
        (7, 'a/b,50%', '00000000-0000-4000-8000-000000000007', '2024-02-29', 'Case', 1.50,
         '{"b": "ü", "a": [true, null]}', '\x00ff'),
        (-1, '', '00000000-0000-4000-8000-000000000000', '0044-03-15 BC', '', 'NaN', 'null', '\x');
    INSERT INTO "Ledger" SELECT n, codes[n % 6 + 1], lpad(to_hex(n), 32, '0')::uuid, date '2024-01-01' + n / 3,
            'case ' || n, n / 7.0, jsonb_build_object('n', n), decode(to_hex(n + 4096), 'hex')
        FROM generate_series(1, 150) n, (VALUES (ARRAY['a', 'A', '%2F', E'\t', 'ü', ''])) v(codes);
    INSERT INTO "Back Office"."Line Item" SELECT name, length(name) / 3.0, 'is ' || name
        FROM unnest(ARRAY['', '.', '..', '%', '%00', '%2F', '/', '//', ' ', 'a b', 'A', 'a', 'É', 'é', '日本', '🏗',
            E'\t', E'\n', '\', '\\', '"', '''', '~', '*', '+', '&', '?', '#', ';', ',', '{}', 'null', E'\u200b']) name;
    UPDATE "Back Office"."Line Item" SET ("Ledger No", ledger_code, ledger_id, ledger_day)
        = (SELECT "No", code, id, day FROM "Ledger" WHERE "No" = 7 AND code LIKE 'a/%') WHERE "Name" = '%';
    INSERT INTO "order" VALUES (1.5, '2024-05-06 07:08:09.5+02', 'x'), ('NaN', '-infinity', 'y'),
        (-0.00010, 'infinity', 'z'), (1e30, '0001-01-01 00:00:00+00 BC', NULL);
    INSERT INTO "Blob" SELECT decode(lpad(to_hex(n), 2, '0'), 'hex'), jsonb_build_object('n', n), n % 2 = 0
        FROM generate_series(0, 40) n
    """,
    at_first={
        ("Ledger", f"a%2Fb%2C50%25,7,2024-02-29,{_ID}"): _SEVEN,
        ("Ledger", "%00,-1,0044-03-15%20BC,00000000-0000-4000-8000-000000000000"): {
            "No": "-1",
            "code": "",
            "id": "00000000-0000-4000-8000-000000000000",
            "day": "0044-03-15 BC",
            "case": "",
            "order": "NaN",
            "body": "null",
            "raw": "\\x",
        },
        (_ITEM, "%00"): {"Name": "", "Total %": "0.000", 'a "quoted" name': "is "},
        (_ITEM, "%25"): {
            "Name": "%",
            "Total %": "0.333",
            'a "quoted" name': "is %",
            "ledger_id": _ID,
            "Ledger No": "7",
            "ledger_day": "2024-02-29",
            "ledger_code": "a/b,50%",
        },
        (_ITEM, ".."): {"Name": "..", "Total %": "0.667", 'a "quoted" name': "is .."},
        (_ITEM, "%F0%9F%8F%97"): {"Name": "🏗", "Total %": "0.333", 'a "quoted" name': "is 🏗"},
        ("order", "1.5,2024-05-06%2005%3A08%3A09.5%2B00"): {
            "case": "1.5",
            "user": "2024-05-06 05:08:09.5+00",
            "select": "x",
        },
        ("order", "NaN,-infinity"): {"case": "NaN", "user": "-infinity", "select": "y"},
        ("Blob", "%5Cx0a,%7B%22n%22%3A%2010%7D"): {"id": "\\x0a", "meta": '{"n": 10}', "Flag": "t"},
    },
    while_all_run=(
        'UPDATE "Ledger" SET "case" = NULL, body = \'[]\' WHERE "No" % 5 = 0',
        'DELETE FROM "Ledger" WHERE "No" BETWEEN 20 AND 30',
        # A key that others refer to, and one that is the same number in another text.
        "UPDATE \"Ledger\" SET code = 'A/B,50%', raw = '\\x01' WHERE code = 'a/b,50%'",
        'UPDATE "order" SET "case" = 1.500 WHERE "case" = 1.5',
        "INSERT INTO \"order\" SELECT n / 100.0, timestamptz '2024-01-01 00:00:00+00' + n * interval '1 hour',"
        " 'row ' || n FROM generate_series(200, 1400) n",
    ),
    while_reader_is_dead=(
        # Two rows change their keys with each other, and one becomes another's former key.
        'UPDATE "Back Office"."Line Item" SET "Name" = \'between\' WHERE "Name" = \'.\';'
        'UPDATE "Back Office"."Line Item" SET "Name" = \'.\' WHERE "Name" = \'..\';'
        'UPDATE "Back Office"."Line Item" SET "Name" = \'..\' WHERE "Name" = \'between\'',
        'UPDATE "Back Office"."Line Item" SET "Name" = \'moved\' WHERE "Name" = \'\';'
        "INSERT INTO \"Back Office\".\"Line Item\" VALUES ('', 1, 'another')",
        'ALTER TABLE "Back Office"."Line Item" ADD COLUMN "Limit" integer DEFAULT 5',
        'UPDATE "Back Office"."Line Item" SET "Limit" = NULL WHERE "Name" = \'a\'',
        'TRUNCATE "Blob"',
        "INSERT INTO \"Blob\" VALUES ('\\x0a', '{\"n\": 10}', NULL), ('\\xff', '[]', true)",
        'UPDATE "order" SET "select" = upper("select"), "case" = "case" + 1000 WHERE "case" BETWEEN 2 AND 8;'
        'DELETE FROM "order" WHERE "case" BETWEEN 1004 AND 1005',
    ),
    while_sink_is_dead=(
        'UPDATE "order" SET "select" = NULL WHERE "case" BETWEEN 9 AND 12',
        'DELETE FROM "order" WHERE "case" = \'NaN\'',
        'INSERT INTO "Ledger" SELECT "No" + 1000, code, id, day FROM "Ledger" WHERE "No" > 100',
        'DELETE FROM "Back Office"."Line Item" WHERE "Name" IN (\'/\', \'日本\')',
    ),
    at_last={
        ("Ledger", f"a%2Fb%2C50%25,7,2024-02-29,{_ID}"): None,
        ("Ledger", f"A%2FB%2C50%25,7,2024-02-29,{_ID}"): _SEVEN | {"code": "A/B,50%", "raw": "\\x01"},
        (_ITEM, "."): {"Name": ".", "Total %": "0.667", 'a "quoted" name': "is ..", "Limit": "5"},
        (_ITEM, ".."): {"Name": "..", "Total %": "0.333", 'a "quoted" name': "is .", "Limit": "5"},
        (_ITEM, "%00"): {"Name": "", "Total %": "1.000", 'a "quoted" name': "another", "Limit": "5"},
        (_ITEM, "moved"): {"Name": "moved", "Total %": "0.000", 'a "quoted" name': "is ", "Limit": "5"},
        (_ITEM, "a"): {"Name": "a", "Total %": "0.333", 'a "quoted" name': "is a"},
        (_ITEM, "%25"): {
            "Name": "%",
            "Total %": "0.333",
            'a "quoted" name': "is %",
            "ledger_id": _ID,
            "Ledger No": "7",
            "ledger_day": "2024-02-29",
            "ledger_code": "A/B,50%",
            "Limit": "5",
        },
        (_ITEM, "%E6%97%A5%E6%9C%AC"): None,
        ("order", "1.5,2024-05-06%2005%3A08%3A09.5%2B00"): None,
        ("order", "1.500,2024-05-06%2005%3A08%3A09.5%2B00"): {
            "case": "1.500",
            "user": "2024-05-06 05:08:09.5+00",
            "select": "x",
        },
        ("order", "NaN,-infinity"): None,
        ("Blob", "%5Cx0a,%7B%22n%22%3A%2010%7D"): {"id": "\\x0a", "meta": '{"n": 10}'},
        ("Blob", "%5Cx0b,%7B%22n%22%3A%2011%7D"): None,
    },
)
