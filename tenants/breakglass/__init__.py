"""breakglass."""
