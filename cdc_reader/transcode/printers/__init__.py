"""
Values of types that are carried as text, from what their send functions make to what their output functions print.

Byte for byte as the server prints them with TimeZone=UTC, DateStyle=ISO, IntervalStyle=postgres, bytea_output=hex and
extra_float_digits=1; texts are bytes, since a server that checks no encoding may send any. What is no such value is
`Unfit`. `known_types` says which printer is whose.
"""
