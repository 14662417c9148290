"""apitokens."""
