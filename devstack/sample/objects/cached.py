"""Edge: the objects' bytes, made once, cached, and put into a bucket: before its server starts, or by uploading."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import cache as devstack_cache
from devstack.s3 import Preload
from devstack.s3_files import StoredObject, lay_down
from devstack.sample.objects.catalogue import objects
from devstack.sample.objects.contents import Content
from devstack.sample.objects.expected import Expectations, Made
from devstack.sample.objects.links import ObjectStore
from devstack.sample.objects.rendering import rendered

if TYPE_CHECKING:
    from botocore.client import BaseClient

_HERE = Path(__file__).parent
_MADE_BY = ("reportlab", "pillow", "openpyxl")
_INDEX = "index.json"
_UPLOADS = 8


def preload(bucket: str) -> Preload:
    """What gives a new devstack S3 server this bucket with all objects in it: `s3.start(preload=preload("files"))`."""
    return lambda data: lay_down(data, bucket, _stored())


def upload(client: BaseClient, bucket: str, keys: Collection[str] | None = None) -> None:
    """Put all objects, or some, into a bucket of any S3 server; much slower than `preload` (some 200 a second)."""

    def put(each: StoredObject) -> None:
        client.put_object(Bucket=bucket, Key=each.key, Body=each.file.read_bytes(), ContentType=each.content_type)

    with ThreadPoolExecutor(_UPLOADS) as pool:
        list(pool.map(put, (each for each in _stored() if keys is None or each.key in keys)))


def expectations(store: ObjectStore | None) -> Expectations:
    """What to expect of references in a sample that was loaded with that store."""
    return Expectations(store, _made())


def _stored() -> Iterator[StoredObject]:
    folder, made = _folder(), _made()
    for key, content in objects().items():
        each = made[content]
        yield StoredObject(key, folder / each.sha256, each.size_bytes, each.md5, _content_type(key))


def _content_type(key: str) -> str:
    """What an uploader says of it: by the name."""
    return mimetypes.guess_type(key)[0] or "application/octet-stream"


@cache
def _made() -> Mapping[Content, Made]:
    index = json.loads((_folder() / _INDEX).read_text())
    return {Content(*content): Made(*made) for content, made in index}


@cache
def _folder() -> Path:
    sources = [*_HERE.glob("*.py"), *(_HERE.parent / f"{name}.py" for name in ("draws", "values", "words"))]
    libraries = (f"{name} {version(name)}" for name in _MADE_BY)
    return devstack_cache.folder("objects", devstack_cache.stamp(sources, _HERE.parent, *libraries), _make)


def _make(folder: Path) -> None:
    folder.mkdir()
    index = []
    for content in dict.fromkeys(objects().values()):
        data = rendered(content)
        made = Made(hashlib.sha256(data).hexdigest(), hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data))
        (folder / made.sha256).write_bytes(data)
        fields = ([content.kind, content.number, content.folder], [made.sha256, made.md5, made.size_bytes])
        index.append(fields)
    (folder / _INDEX).write_text(json.dumps(index))
