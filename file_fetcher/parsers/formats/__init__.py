"""What is read out of each format: text, rows and facts."""
