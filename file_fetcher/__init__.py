"""Files: finds what rows refer to, downloads and reads it, and publishes what became of each reference."""
