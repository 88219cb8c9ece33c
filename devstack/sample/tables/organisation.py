"""Tables of the company itself: offices, people, vendors, and the lists that every project shares."""

from __future__ import annotations

from devstack.sample import values, words
from devstack.sample.columns import col, external_id, implied, key, line, prose, ref, stamps, status
from devstack.sample.model import Column, Table

TABLES = (
    Table(
        "companies",
        "Companies whose projects are mirrored: the owner and its subsidiaries.",
        6,
        (
            key(),
            line("name", values.firm),
            implied("parent_id", nulls=40, comment="The company that owns this one."),
            col("country_code", "char(2)", values.one_of("US", "CA", "DE", "BR", "NO"), nulls=0),
            col("website", "text", values.one_of("https://www.example.com", "https://build.example.org")),
            col("is_active", "boolean", nulls=0, default="DEFAULT true"),
            external_id(),
            *stamps(),
        ),
    ),
    Table(
        "offices",
        "Places from which a company works.",
        14,
        (
            key("integer"),
            ref("company_id", "companies", comment="The company whose office this is."),
            line("name", values.one_of(*words.CITIES), size=120),
            line("street", values.one_of("Main Street 1", "Hafenstraße 12", "Rua Augusta 99"), nulls=10),
            col(
                "network",
                "inet",
                comment="Address range of the office's network.",
                rare=("10.20.0.0/16", "2001:db8::/32"),
            ),
            *stamps(),
        ),
    ),
    Table(
        "departments",
        "Departments of a company.",
        24,
        (
            key("smallint"),
            ref("company_id", "companies"),
            implied("office_id", "integer"),
            ref("manager_user_id", "users", nulls=20, comment="The person who leads the department."),
            line("name", values.one_of("Preconstruction", "Operations", "Safety", "Quality", "Finance"), size=80),
            *stamps(),
        ),
    ),
    Table(
        "trades",
        "Trades of the construction industry; the numbering starts below zero, as in the old system.",
        38,
        (
            key("smallint"),
            line("name", lambda _, number: words.TRADES[number % len(words.TRADES)], size=80),
            col("color", "char(7)", lambda draws, _: f"#{draws.below(1 << 24):06x}"),
            *stamps(),
        ),
        first_key=-1,
    ),
    Table(
        "users",
        "People who can sign in: employees and partners.",
        412,
        (
            key(),
            ref("company_id", "companies"),
            implied("office_id", "integer"),
            implied("department_id", "smallint"),
            line("name", values.person, size=200, comment="Full name, family name last."),
            col("email", "email_address", values.email, nulls=0, comment="Unique address for signing in."),
            line("job_title", values.one_of("Superintendent", "Project engineer", "Foreman", "Architect"), nulls=10),
            col("phone", "varchar(30)", lambda draws, _: f"+1 555 {draws.below(10_000_000):07}", nulls=30),
            col("last_login_at", "timestamptz", nulls=30, rare=("-infinity",)),
            col("last_login_from", "inet", nulls=30),
            col("preferences", "jsonb", comment="Settings of the user interface."),
            external_id(),
            *stamps(),
        ),
    ),
    Table(
        "vendors",
        "Firms that work for or deliver to the projects.",
        263,
        (
            key(),
            ref("company_id", "companies"),
            implied("trade_id", "smallint"),
            ref("primary_contact_id", "users", nulls=30),
            line("name", values.firm),
            col("vat_number", "char(11)", values.code("ABD", 10), nulls=20),
            col(
                "rating",
                "real",
                values.real(5),
                comment="Mean of the ratings given by projects.",
                rare=("NaN", "Infinity"),
            ),
            prose("notes", nulls=50),
            col("emergency_phones", "text[]", rare=("{}", '{NULL,"a,b","c\\"d"," "}', "{{a,b},{c,d}}")),
            *stamps(),
        ),
    ),
    Table(
        "vendor_insurances",
        "Insurance policies of vendors, with the day on which they end.",
        340,
        (
            key("uuid"),
            ref("vendor_id", "vendors", actions="ON DELETE CASCADE"),
            line("policy_number", values.numbered("POL-", 6), size=40),
            col("coverage", "numeric(14,2)", values.money(90_000_000)),
            col("effective_on", "date", rare=("-infinity", "0044-03-15 BC", "9999-12-31")),
            col(
                "expires_at",
                "timestamptz",
                comment="infinity: never ends.",
                rare=("infinity", "0044-03-15 12:00:00+00 BC"),
            ),
            *stamps(),
        ),
    ),
    Table(
        "equipment",
        "Machines and tools, known by the tag painted on them.",
        126,
        (
            key("text", values.equipment_tag, comment="Tag painted on the machine."),
            ref("company_id", "companies"),
            implied("vendor_id", comment="The vendor it is rented from."),
            implied("project_id", comment="Where it is now."),
            line(
                "name",
                values.one_of("Tower crane", "Excavator", "Scissor lift", "Generator", "Concrete pump"),
                size=120,
            ),
            col("hourly_rate", "double precision", rare=("1e-307", "-0", "Infinity")),
            col(
                "runtime",
                "interval",
                comment="Hours on the clock.",
                rare=("-1 years -2 mons +3 days -04:05:06.789", "0"),
            ),
            col("serial_bytes", "bytea", comment="Content of the RFID chip.", rare=("\\x", "\\x00ff5c0a09")),
            *stamps(),
        ),
    ),
    Table(
        "cost_codes",
        "The company's cost codes by division; the code is the key.",
        187,
        (
            key("text", values.cost_code, comment="Division and section."),
            implied("parent_id", "text", nulls=20),
            ref("company_id", "companies"),
            line("title", values.title),
            Column("order", "integer", values.integer(0, 999), comment="Place in lists."),
            status("active", "inactive"),
            *stamps(),
        ),
    ),
)
