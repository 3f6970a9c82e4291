"""The embedded run: the whole stack on one machine, without containers, under supervisor."""
