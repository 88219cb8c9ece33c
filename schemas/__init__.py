"""The contract between the parts: events, topics, keys, records, and the errors all of them raise."""
