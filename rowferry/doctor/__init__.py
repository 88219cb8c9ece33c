"""The doctor: looks at everything the pipeline needs, and says how to mend what it finds."""
