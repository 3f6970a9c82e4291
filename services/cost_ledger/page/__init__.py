"""The cost page: one HTML page with the costs as pictures, and the way in to it."""
