"""savedviews."""
