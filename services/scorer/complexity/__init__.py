"""How hard a prompt is for a small model: signals and wording of its text, and the model learned on them."""
