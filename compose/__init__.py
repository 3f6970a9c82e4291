"""How the stack is run: Compose files, and `compose.local` without containers."""
