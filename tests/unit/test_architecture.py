"""
The rules that keep the project's shape: who imports whom, who touches the world, how large things are.

A module either decides (pure) or does. Those that do are listed in `EDGES`, each with the client libraries that it
uses: the list is compared with the code both ways, so it can be read as the map of the product's edges. What is looked
for, and how it is found, stands in `shape`.
"""

from __future__ import annotations

from tests.unit.shape import (
    CLIENTS,
    LONGEST_MODULE,
    WORLD,
    calls_itself_edge,
    case_names,
    circle,
    clocks,
    docstring,
    long_functions,
    uses,
    vague_names,
    wrong_imports,
)
from tests.unit.sources import BESIDE, PRODUCT, ROOT, modules

# Every module that does something, and the client libraries that it does it with.
EDGES: dict[str, str] = {
    "cdc_runtime.body_thread": "",
    "cdc_runtime.bounded_calls": "",
    "cdc_runtime.consuming.dead_letter_queue": "",
    "cdc_runtime.consuming.followed_tables": "",
    "cdc_runtime.consuming.partition_logs": "",
    "cdc_runtime.consuming.group_names": "",
    "cdc_runtime.consuming.position_check": "",
    "cdc_runtime.consuming.tasks": "",
    "cdc_runtime.drain": "",
    "cdc_runtime.health": "http prometheus_client",
    "cdc_runtime.kafka.admin": "confluent_kafka",
    "cdc_runtime.kafka.asked_offsets": "confluent_kafka",
    "cdc_runtime.kafka.client": "confluent_kafka",
    "cdc_runtime.kafka.client_log": "",
    "cdc_runtime.kafka.consumer": "confluent_kafka",
    "cdc_runtime.kafka.directory": "",
    "cdc_runtime.kafka.errors": "confluent_kafka",
    "cdc_runtime.kafka.group_offsets": "confluent_kafka",
    "cdc_runtime.kafka.idle_clients": "confluent_kafka",
    "cdc_runtime.kafka.listener_probe": "",
    "cdc_runtime.kafka.positions": "confluent_kafka",
    "cdc_runtime.kafka.producer": "confluent_kafka",
    "cdc_runtime.kafka.producer_client": "confluent_kafka",
    "cdc_runtime.kafka.tail": "confluent_kafka",
    "cdc_runtime.kafka.transaction_errors": "confluent_kafka",
    "cdc_runtime.logs": "",
    "cdc_runtime.main": "",
    "cdc_runtime.metrics": "prometheus_client",
    "cdc_runtime.neighbours": "",
    "cdc_runtime.no_answer": "",
    "cdc_runtime.reader_requests": "",
    "cdc_runtime.service": "",
    "cdc_runtime.start_steps": "",
    "cdc_runtime.unreadable": "",
    "cdc_runtime.settings.models": "pydantic_settings",
    "cdc_reader.__main__": "",
    "cdc_reader.cli": "",
    "cdc_reader.capture": "",
    "cdc_reader.control_commands": "",
    "cdc_reader.postgres.connections": "psycopg",
    "cdc_reader.postgres.type_shapes": "",
    "cdc_reader.postgres.encodings": "psycopg",
    "cdc_reader.discovery.definition_changes": "",
    "cdc_reader.discovery.catalog": "psycopg",
    "cdc_reader.discovery.publication_changes": "psycopg",
    "cdc_reader.heartbeat": "",
    "cdc_reader.snapshot.removed_tables": "",
    "cdc_reader.metrics": "",
    "cdc_reader.own_names": "",
    "cdc_reader.publishing.publisher": "",
    "cdc_reader.progress.first_commit": "",
    "cdc_reader.progress.renamed_source": "",
    "cdc_reader.progress.server_position": "",
    "cdc_reader.progress.stored": "",
    "cdc_reader.stream.toast_refetch": "",
    "cdc_reader.postgres.open_transactions": "",
    "cdc_reader.postgres.plugin_probe": "psycopg",
    "cdc_reader.postgres.replication": "psycopg",
    "cdc_reader.postgres.source_probe": "",
    "cdc_reader.reset": "",
    "cdc_reader.service": "",
    "cdc_reader.session": "",
    "cdc_reader.postgres.workers": "psycopg",
    "cdc_reader.postgres.visible_reads": "",
    "cdc_reader.postgres.wal_messages": "",
    "cdc_reader.snapshot.chunk_reads": "",
    "cdc_reader.snapshot.chunk_queries": "",
    "cdc_reader.snapshot.table_writers": "",
    "cdc_reader.snapshot.scan_work": "",
    "cdc_reader.snapshot.runner": "",
    "cdc_reader.postgres.server": "",
    "cdc_reader.slot_watch": "",
    "cdc_reader.slot_stream": "",
    "cdc_reader.polling.known_rows": "sqlite3",
    "cdc_reader.polling.poller": "",
    "cdc_reader.polling.reads": "",
    "cdc_reader.polling.setup": "",
    "cdc_reader.polling.topic_rows": "",
    "cdc_reader.polling.work": "",
    "cdc_reader.postgres.seen_wal": "",
    "cdc_reader.standby": "",
    "cdc_reader.startup": "",
    "cdc_reader.tables.read_names": "",
    "cdc_reader.tables.topic_watch": "",
    "vespa_sink.__main__": "",
    "vespa_sink.admission": "",
    "vespa_sink.vespa.application": "vespa",
    "vespa_sink.vespa.deployment": "aiohttp",
    "vespa_sink.intake.dead_letters": "",
    "vespa_sink.cli": "",
    "vespa_sink.vespa.client": "aiohttp",
    "vespa_sink.floor_runs": "",
    "vespa_sink.redriving.letters": "",
    "vespa_sink.redriving.redrives": "",
    "vespa_sink.vespa.field_questions": "",
    "vespa_sink.writes.future_versions": "",
    "vespa_sink.writes.suspects": "",
    "vespa_sink.intake.partition_watch": "",
    "vespa_sink.intake.position_checks": "",
    "vespa_sink.vespa.indexed_rows": "",
    "vespa_sink.vespa.questions": "",
    "vespa_sink.writes.rejections": "",
    "vespa_sink.intake.assignment": "",
    "vespa_sink.intake.blocked_partitions": "",
    "vespa_sink.neighbours": "",
    "vespa_sink.writes.accepted": "",
    "vespa_sink.writes.breaker_report": "",
    "vespa_sink.writes.endpoint": "",
    "vespa_sink.writes.outbox": "",
    "vespa_sink.writes.retries": "",
    "vespa_sink.writes.stand_ins": "",
    "vespa_sink.service": "uvloop",
    "vespa_sink.sink": "",
    "vespa_sink.group_member": "",
    "vespa_sink.vespa.sweeper": "",
    "vespa_sink.metrics": "prometheus_client",
    "vespa_sink.writes.writer": "",
    "file_fetcher.__main__": "",
    "file_fetcher.intake.admission": "",
    "file_fetcher.cli": "",
    "file_fetcher.fetching.contents": "",
    "file_fetcher.fetching.extractions": "",
    "file_fetcher.download.boto_engine": "botocore urllib3",
    "file_fetcher.download.downloader": "",
    "file_fetcher.download.google_engine": "google urllib3",
    "file_fetcher.download.guarded_connections": "urllib3",
    "file_fetcher.download.https_engine": "urllib3",
    "file_fetcher.download.obstore_engine": "obstore",
    "file_fetcher.download.probe": "botocore",
    "file_fetcher.download.s3_access": "boto3 botocore",
    "file_fetcher.download.s3_engine": "botocore",
    "file_fetcher.download.transfer": "",
    "file_fetcher.fetching.threads": "",
    "file_fetcher.parsers.turns": "",
    "file_fetcher.intake.lost_retries": "",
    "file_fetcher.intake.reader_questions": "",
    "file_fetcher.partition_watch": "",
    "file_fetcher.intake.table_refresh": "",
    "file_fetcher.fetcher": "",
    "file_fetcher.floor_runs": "",
    "file_fetcher.open_works": "",
    "file_fetcher.publishing_again": "",
    "file_fetcher.retries_due": "",
    "file_fetcher.settling.finished_works": "",
    "file_fetcher.fetching.fetch": "",
    "file_fetcher.fetching.origins": "",
    "file_fetcher.group_member": "",
    "file_fetcher.parsers.child": "",
    "file_fetcher.parsers.formats.image": "PIL",
    "file_fetcher.parsers.fork_server": "",
    "file_fetcher.parsers.fork_client": "",
    "file_fetcher.parsers.formats.pdf": "pypdfium2",
    "file_fetcher.parsers.formats.pdf_annotations": "pypdfium2",
    "file_fetcher.parsers.pool": "",
    "file_fetcher.parsers.formats.xlsx": "python_calamine",
    "file_fetcher.parsers.formats.xlsx_sparse": "openpyxl",
    "file_fetcher.settling.kafka_transactions": "",
    "file_fetcher.settling.publisher": "",
    "file_fetcher.references.database": "sqlite3",
    "file_fetcher.references.local": "",
    "file_fetcher.references.rebuild": "confluent_kafka",
    "file_fetcher.service": "",
    "file_fetcher.startup": "",
    "file_fetcher.state_reads": "",
    "file_fetcher.store.bucket": "botocore",
    "file_fetcher.store.local": "",
    "file_fetcher.store.opening": "boto3 botocore",
    "rowferry.__main__": "",
    "rowferry.cli": "",
    "rowferry.connections": "",
    "rowferry.discover.command": "",
    "rowferry.discover.contents": "psycopg",
    "rowferry.discover.sampling": "",
    "rowferry.doctor.bucket_facts": "",
    "rowferry.doctor.command": "",
    "rowferry.doctor.database_facts": "psycopg",
    "rowferry.doctor.kafka_facts": "confluent_kafka",
    "rowferry.doctor.vespa_facts": "",
    "rowferry.http_client": "http",
    "rowferry.kafka_groups": "confluent_kafka",
    "rowferry.origins": "",
    "rowferry.own_names": "",
    "rowferry.reconcile.command": "",
    "rowferry.reconcile.database": "psycopg",
    "rowferry.reconcile.files.ledger": "",
    "rowferry.reconcile.files.results": "",
    "rowferry.reconcile.files.side": "",
    "rowferry.reconcile.index": "",
    "rowferry.reconcile.ledger": "sqlite3",
    "rowferry.status.command": "",
    "rowferry.status.counts": "psycopg",
    "rowferry.status.held_files": "sqlite3",
    "rowferry.status.pipeline": "",
    "rowferry.status.slot": "",
}
# Models of settings are values; only their base reads the environment.
SETTINGS = {"cdc_runtime.settings.models", "cdc_reader.settings", "vespa_sink.settings", "rowferry.settings"}
SETTINGS |= {"file_fetcher.settings"}


def test_packages_import_one_way():
    assert [line for module in modules(*PRODUCT).values() for line in wrong_imports(module)] == []


def test_no_circle_of_imports():
    assert circle(modules(*PRODUCT, *BESIDE, "tests")) == []


def test_the_comparison_takes_nothing_from_the_sink():
    taken = {
        (module.name, other)
        for module in modules("rowferry").values()
        if module.name.startswith("rowferry.reconcile")
        for other in module.imports()
        if other.partition(".")[0] == "vespa_sink"
    }
    assert taken == set()


def test_client_libraries_are_used_where_it_is_declared():
    found = {name: " ".join(sorted(uses(module, CLIENTS))) for name, module in modules(*PRODUCT).items()}
    declared = {name: EDGES.get(name, "") for name in found}
    assert found == declared


def test_only_edges_touch_the_world():
    product = modules(*PRODUCT)
    touching = {name: sorted(uses(module, WORLD)) for name, module in product.items() if uses(module, WORLD)}
    assert {name: used for name, used in touching.items() if name not in EDGES} == {}


def test_every_declared_edge_is_one():
    product, edges = modules(*PRODUCT), edges_with_records()
    doing = {name for name, module in product.items() if uses(module, CLIENTS | WORLD) or module.calls_into(edges)}
    assert sorted(EDGES.keys() - doing - {name for name in product if calls_itself_edge(product[name])}) == []


def test_every_module_that_calls_itself_an_edge_is_declared():
    assert [name for name, module in modules(*PRODUCT).items() if calls_itself_edge(module) and name not in EDGES] == []


def test_contracts_touch_nothing():
    assert [name for name in EDGES if name.startswith("schemas")] == []


def test_what_decides_calls_nothing_that_does():
    edges = edges_with_records()
    calls = {name: module.calls_into(edges) for name, module in modules(*PRODUCT).items() if name not in EDGES}
    assert {name: called for name, called in calls.items() if called} == {}


def test_what_decides_asks_no_clock():
    product = modules(*PRODUCT)
    asking = [name for name, module in product.items() if name not in EDGES and clocks(module)]
    assert asking == []


def test_every_module_says_what_it_is_for():
    silent = [module.name for module in modules(*PRODUCT, *BESIDE).values() if not docstring(module)]
    assert silent == []


def test_modules_are_short():
    lengths = {name: module.text.count("\n") for name, module in modules(*PRODUCT, *BESIDE, "tests").items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_compiled_sources_are_short():
    sources = [path for package in PRODUCT for path in (ROOT / package).rglob("*") if path.suffix in (".pyx", ".pxi")]
    assert len(sources) > 2
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_are_short():
    code = modules(*PRODUCT, *BESIDE, "tests").values()
    assert [line for module in code for line in long_functions(module)] == []


def test_names_come_from_the_domain():
    assert [line for module in modules(*PRODUCT, *BESIDE, "tests").values() for line in vague_names(module)] == []


def test_the_reference_case_is_no_part_of_the_code():
    assert [line for module in modules(*PRODUCT).values() for line in case_names(module)] == []


def edges_with_records() -> dict[str, set[str]]:
    product = modules(*PRODUCT)
    return {name: product[name].records() for name in EDGES.keys() - SETTINGS if name in product}
