"""The demo's simulator: writers of vendors' own formats, and the story they tell."""
