"""engagements."""
