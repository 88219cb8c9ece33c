"""The index: requests, answers, searches, the application package."""
