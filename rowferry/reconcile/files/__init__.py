"""The comparison of file references: what rows refer to, results, documents."""
