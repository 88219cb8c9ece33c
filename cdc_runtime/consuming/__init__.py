"""What every consumer of topics does alike."""
