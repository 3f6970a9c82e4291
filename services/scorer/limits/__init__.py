"""How many requests may come, and be under way at once: rates, slots, and identical requests that share an answer."""
