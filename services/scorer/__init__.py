"""The scorer: how hard a prompt is, and which model should answer it."""
