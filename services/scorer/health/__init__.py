"""Which models fail: they are left out of routes for a while, and tried again one request at a time."""
