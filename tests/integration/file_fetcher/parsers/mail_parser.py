"""The parser of the documentation, docs/how-to/parsers.md."""

from __future__ import annotations

import email.policy
from pathlib import Path

from file_fetcher.parsers.context import Context
from file_fetcher.sniffing import Signature


class MailParser:
    name, version = "mail", "1"
    media_types = frozenset({"message/rfc822"})
    signatures = (Signature("eml", "message/rfc822", suffixes=(".eml",)),)

    def parse(self, path: Path, context: Context) -> None:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        context.meta("from", str(message["from"] or ""))
        body = message.get_body(("plain",))
        context.text(body.get_content() if body else "")
