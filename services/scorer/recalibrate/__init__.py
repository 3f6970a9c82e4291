"""Learns from one's own traffic: a correction of the complexity, and thresholds to go with it."""
