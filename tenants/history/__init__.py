"""History of hand edits: who changed which setting, when, from where, kept by triggers of the database."""
