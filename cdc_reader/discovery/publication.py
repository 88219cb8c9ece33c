"""
What must be done to a publication so that it carries the tables that are captured by replication.

Tables are added by name, checked before (rule D5), never FOR ALL TABLES; a partitioned table by its leaves
(rule D3). Members that belong to nothing of ours are left alone. Nothing is executed here.

Keeps: D2, D3, D5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cdc_reader.discovery.captures import POLLING, REPLICATION, capture_in_itself, capture_of
from cdc_reader.discovery.catalog_rows import Catalog, PublicationMember, PublicationRow, RelationRow, TableRow
from schemas.errors import Neighbour, ServerSetting, Sql
from schemas.names import TableName
from schemas.offsets import PublicationMark
from schemas.tables import Capture

OPERATIONS = ("insert", "update", "delete", "truncate")
_PUBLISH = f"publish = '{', '.join(OPERATIONS)}'"
_BY_LEAF = "publish_via_partition_root = false"


@dataclass(frozen=True, slots=True)
class PublicationPlan:
    """The statements to run, in order, in one transaction; none when the publication is as it should be.

    `added` and `removed` are the relations (leaves, not roots) that enter and leave it. `first` and `each` do the same
    in parts: what is about the whole publication, then one relation after the other (rule D8).
    """

    name: str
    statements: tuple[str, ...]
    added: tuple[TableName, ...] = ()
    removed: tuple[TableName, ...] = ()
    first: tuple[str, ...] = ()
    each: tuple[tuple[TableName, str], ...] = ()

    @property
    def sql(self) -> str:
        """The statements as text that an administrator can run."""
        return "".join(f"{statement};\n" for statement in self.statements)

    @property
    def remedy(self) -> Sql:
        """The same, as the remedy of an error that stands behind a line of words."""
        return Sql(self.sql.strip())


def publication_plan(catalog: Catalog, name: str) -> PublicationPlan:
    """The plan for the publication `name`, which `catalog` was read with.

    A table that is set aside is not added; a member stays, if only its own kind allows it (rule D8).
    Raises `ServerSetting` when the publication was made FOR ALL TABLES or IN SCHEMA.
    """
    wanted = _published(catalog, capture_of)
    publication = catalog.publication
    if publication is None:
        return PublicationPlan(
            name,
            (_create(name, wanted),),
            added=tuple(leaf.name for leaf in wanted),
            first=(_create(name, ()),),
            each=tuple(_one_by_one(name, wanted, ())),
        )
    _require_by_name(publication, wanted)
    added = [relation for relation in wanted if not is_member(catalog, publication, relation)]
    removed = list(_unsafe_members(catalog, publication, _published(catalog, capture_in_itself)))
    return PublicationPlan(
        name,
        tuple(_alterations(publication, added, removed)),
        added=tuple(relation.name for relation in added),
        removed=tuple(member.relation for member in removed),
        first=tuple(_alterations(publication, (), ())),
        each=tuple(_one_by_one(name, added, removed)),
    )


def _published(catalog: Catalog, capture: Callable[[TableRow], Capture]) -> list[RelationRow]:
    return [relation for table in catalog.tables if capture(table).mode == REPLICATION for relation in table.published]


def is_member(catalog: Catalog, publication: PublicationRow, relation: RelationRow) -> bool:
    """Whether a relation is in the publication, by itself or by the partitioned table that it is a leaf of."""
    members = {member.relation_oid for member in publication.members}
    return relation.oid in members or catalog.root_of[relation.oid].oid in members


def publication_mark(publication: PublicationRow) -> PublicationMark:
    """The publication as rule D2 keeps it beside the position; a member whose filter is not known is none yet."""
    flags = "".join(
        "ft"[flag]
        for flag in (
            publication.all_tables,
            publication.insert,
            publication.update,
            publication.delete,
            publication.truncate,
            publication.via_root,
        )
    )
    identity = ":".join((str(publication.oid), publication.xmin, flags, publication.generated_columns))
    schemas = "".join(f":{schema}" for schema in publication.schemas)
    return PublicationMark(
        f"{identity}{schemas}",
        {str(member.relation): _member_mark(member) for member in publication.members if not member.filter_unread},
        publication.name,
    )


def quote_identifier(name: str) -> str:
    """A name as SQL reads it back, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_table(name: TableName) -> str:
    """A table's name as SQL reads it back."""
    return f"{quote_identifier(name.schema)}.{quote_identifier(name.name)}"


def _member_mark(member: PublicationMember) -> str:
    columns = "*" if member.columns is None else ",".join(map(quote_identifier, member.columns))
    return f"{member.oid}:{member.xmin}:{member.relation_oid}:{columns}:{member.row_filter or ''}"


def _create(name: str, wanted: Iterable[RelationRow]) -> str:
    tables = ", ".join(quote_table(relation.name) for relation in wanted)
    members = f" FOR TABLE {tables}" if tables else ""
    return f"CREATE PUBLICATION {quote_identifier(name)}{members} WITH ({_PUBLISH}, {_BY_LEAF})"


def _require_by_name(publication: PublicationRow, wanted: Iterable[RelationRow]) -> None:
    if not publication.all_tables and not publication.schemas:
        return
    got = "FOR ALL TABLES" if publication.all_tables else "FOR TABLES IN SCHEMA"
    name = quote_identifier(publication.name)
    raise ServerSetting(
        expected=f"publication {publication.name!r} to list its tables by name",
        found=got,
        neighbour=Neighbour.POSTGRES,
        remedy=Sql(f"DROP PUBLICATION {name};\n{_create(publication.name, wanted)};"),
    )


def _unsafe_members(
    catalog: Catalog, publication: PublicationRow, wanted: Iterable[RelationRow]
) -> Iterator[PublicationMember]:
    """Members of selected tables that may no longer be published: they make the application's writes fail (D5)."""
    safe = {relation.oid for relation in wanted}
    roots = {catalog.root_of[oid].oid for oid in safe}
    ours = set(catalog.by_oid) | set(catalog.root_of)
    for member in publication.members:
        if member.relation_oid not in ours or member.relation_oid in safe | roots:
            continue
        table = catalog.by_oid.get(member.relation_oid) or catalog.root_of[member.relation_oid]
        if not (limits(member) and capture_in_itself(table).mode == POLLING):
            yield member


def limits(member: PublicationMember) -> bool:
    """Whether somebody has limited what is sent of it; taken out of the publication, nobody would know any more."""
    return member.columns is not None or member.row_filter is not None or member.filter_unread


def _one_by_one(
    name: str, added: Iterable[RelationRow], removed: Iterable[PublicationMember]
) -> Iterator[tuple[TableName, str]]:
    alter = f"ALTER PUBLICATION {quote_identifier(name)}"
    for member in removed:
        yield member.relation, f"{alter} DROP TABLE {quote_table(member.relation)}"
    for relation in added:
        yield relation.name, f"{alter} ADD TABLE {quote_table(relation.name)}"


def _alterations(
    publication: PublicationRow, added: Iterable[RelationRow], removed: Iterable[PublicationMember]
) -> Iterator[str]:
    alter = f"ALTER PUBLICATION {quote_identifier(publication.name)}"
    if not (publication.insert and publication.update and publication.delete and publication.truncate):
        yield f"{alter} SET ({_PUBLISH})"
    if publication.via_root:
        yield f"{alter} SET ({_BY_LEAF})"
    if tables := ", ".join(quote_table(member.relation) for member in removed):
        yield f"{alter} DROP TABLE {tables}"
    if tables := ", ".join(quote_table(relation.name) for relation in added):
        yield f"{alter} ADD TABLE {tables}"
