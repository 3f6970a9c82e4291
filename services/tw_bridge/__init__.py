"""The Taskwarrior bridge: every decision of the router as a task, for the terminal."""
