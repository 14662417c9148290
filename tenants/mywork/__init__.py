"""mywork."""
