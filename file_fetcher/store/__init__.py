"""Where contents and what was read of them are kept: a folder, or a bucket."""
