"""Ids of documents, and the paths under which /document/v1 knows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class DocumentId:
    """
    The id of one document: `id:<namespace>:<type>::<user>`.

    `user` is what we choose: `<table>/<row key>` for a record, `<table>` for a table's description.
    """

    namespace: str
    type: str
    user: str

    @property
    def path(self) -> str:
        """The path of the document, every part percent-encoded wholly: `/` in the id is `%2F` (vespa's clients)."""
        return f"{_folder(self.namespace, self.type)}{quote(self.user, safe='')}"

    def __str__(self) -> str:
        return f"id:{self.namespace}:{self.type}::{self.user}"


@lru_cache
def _folder(namespace: str, document_type: str) -> str:
    return f"/document/v1/{quote(namespace, safe='')}/{quote(document_type, safe='')}/docid/"
