"""The vocabulary of the sample data: what people on a site write about, and a few texts that only break software."""

from __future__ import annotations

TRADES = (
    "Concrete", "Structural steel", "Masonry", "Carpentry", "Roofing", "Waterproofing", "Drywall", "Glazing",
    "Painting", "Flooring", "Plumbing", "HVAC", "Electrical", "Fire protection", "Elevators", "Earthwork",
    "Landscaping", "Demolition", "Scaffolding", "Surveying", "Insulation", "Millwork", "Tiling", "Paving",
    "Piling", "Shoring", "Fencing", "Signage", "Controls", "Low voltage", "Cladding", "Rebar",
    "Formwork", "Asphalt", "Cleaning", "Cranes", "Security", "Commissioning",
)  # fmt: skip

NOUNS = (
    "anchor bolt", "backfill", "balcony", "baseplate", "beam", "bulkhead", "cable tray", "ceiling grid", "chiller",
    "column", "conduit", "coping", "corridor", "curtain wall", "damper", "deck", "door frame", "downspout", "duct",
    "elevator pit", "embed plate", "expansion joint", "façade panel", "fire door", "fire stopping", "flashing",
    "footing", "formwork", "foundation wall", "generator", "girder", "glazing", "grade beam", "guardrail",
    "gypsum board",
    "handrail", "hoist", "insulation", "joist", "kerb", "landing", "lintel", "louver", "manhole", "membrane",
    "mullion",
    "parapet", "partition", "pile cap", "pipe sleeve", "plenum", "pump", "rebar", "retaining wall", "riser",
    "roof drain", "scaffold", "sealant", "shaft wall", "shear wall", "skylight", "slab edge", "soffit",
    "sprinkler head",
    "stair", "stud", "subgrade", "switchgear", "tile", "transformer", "trench", "truss", "valve", "vapour barrier",
    "waterproofing", "weld", "window sill",
)  # fmt: skip

VERBS = (
    "adjust", "align", "approve", "brace", "calibrate", "check", "clarify", "clean", "confirm", "coordinate", "correct",
    "cut", "demolish", "drain", "extend", "grout", "inspect", "install", "isolate", "level", "measure", "modify",
    "move", "order", "paint", "patch", "pour", "protect", "relocate", "remove", "repair", "replace", "reroute",
    "review", "seal", "secure", "straighten", "submit", "survey", "test", "verify", "weld",
)  # fmt: skip

ADJECTIVES = (
    "cracked", "damaged", "existing", "exposed", "incomplete", "interior", "leaking", "loose", "lower", "misaligned",
    "missing", "new", "northern", "oversized", "precast", "proposed", "revised", "rusted", "southern", "stained",
    "temporary", "typical", "uneven", "upper", "wet",
)  # fmt: skip

PLACES = (
    "at grid A-1", "at grid C-4", "at grid F-12", "at level 1", "at level 2", "at level 3", "at level 14",
    "at the roof",
    "in the basement", "in the east stair", "in the elevator lobby", "in the loading dock", "in the mechanical room",
    "in the parking garage", "in unit 204", "in unit 1107", "near the site entrance", "on the north elevation",
    "on the south elevation", "per detail 5/A-501", "per specification 07 92 00", "under the podium slab",
)  # fmt: skip

GIVEN_NAMES = (
    "Aiko", "Amélie", "Anders", "Björn", "Carlos", "Chidi", "Chloé", "Dmitri", "Elena", "Fatima", "Grace", "Hana",
    "Ingrid", "Jack", "José", "Kwame", "Li", "Łukasz", "Maria", "Mehmet", "Noor", "Olivia", "Priya", "Renée", "Samir",
    "Søren", "Tomás", "Uma", "Wei", "Zoë",
)  # fmt: skip

FAMILY_NAMES = (
    "Andersson", "Brown", "Chen", "Dvořák", "Evans", "Fernández", "García", "Hansen", "Ivanov", "Jones", "Kowalski",
    "Lefèvre", "Müller", "Nguyễn", "O'Brien", "Okafor", "Patel", "Quinn", "Rossi", "Sato", "Smith", "Tanaka", "Ünal",
    "van der Berg", "Wang", "Yılmaz", "Zhang", "山田", "Sørensen", "D'Angelo",
)  # fmt: skip

CITIES = (
    "Austin", "Berlin", "Boston", "Calgary", "Chicago", "Denver", "Göteborg", "Houston", "København", "London",
    "Lyon", "Madrid", "Montréal", "Oslo", "Portland", "São Paulo", "Seattle", "Sydney", "Toronto", "Zürich",
)  # fmt: skip

BUILDINGS = (
    "Tower", "Hospital", "Terminal", "Bridge", "Data Center", "School", "Stadium", "Library", "Residences", "Plant",
    "Campus", "Warehouse", "Station", "Museum",
)  # fmt: skip

FIRMS = (
    "Builders",
    "Construction",
    "Contracting",
    "Engineering",
    "Group",
    "Partners",
    "& Sons",
    "GmbH",
    "Systems",
    "Works",
)

TRICKY_TEXTS: tuple[str | None, ...] = (
    "",
    " ",
    "tab\there, line\nbreak, carriage\r\nreturn",
    "control \x01 and \x1f and \x7f and \x85 characters",
    "quotes ' \" ` and a backslash \\ and \\N and \\. and 100% of {braces}",
    "emoji 👷🏽‍♀️🏗️, CJK 混凝土板邊, accents àéîõü, right to left שלום, combining e\u0301",
    "null",
    "<b>markup & entities</b> <script>alert('x')</script>",
    "\u2028line separator, \ufeffbyte order mark, \u200bzero width, \U0010fffdlast private plane",
)
"""Texts that a careless program mangles; every kind of text column that is told to has them in its rows 2 to 10."""
