"""
Real servers on this machine for tests, the demo and benchmarks, without Docker.

PostgreSQL from a wheel, Apache Kafka from Maven Central, Vespa's Java container over a document
store of ours, S3 from a wheel. All of them listen on 127.0.0.1 only. ``postgres``, ``kafka``, ``vespa`` and ``s3``
start one server each, ``stack`` starts them together, ``cli`` is the command ``python -m devstack``.
Nothing of the product imports this package.
"""
