"""From events and table entries to documents: one module per document type, all pure."""
