"""Old months: exported, checked, closed and dropped; their sums by the day stay."""
