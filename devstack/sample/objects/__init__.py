"""
The objects that the sample's rows refer to: about a thousand distinct contents under two thousand keys.

`catalogue` says which keys there are and what lies under them, `contents` what is written in them, `rendering` makes
bytes of that, `cached` makes them once and puts them into an S3 server; `links` writes URLs to them and `expected`
knows what must become of any reference. All of it follows from constants: at every seed and factor the objects are
the same, rows only choose among them.
"""
