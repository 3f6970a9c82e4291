"""What became of routed requests: recorded in the background, for learning from one's own traffic."""
