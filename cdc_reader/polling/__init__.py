"""Tables that the stream does not bring: read again and again, and compared with what their topics hold."""
