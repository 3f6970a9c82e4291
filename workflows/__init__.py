"""The n8n workflows of the stack, one JSON file each, and the tools that keep them in order."""
