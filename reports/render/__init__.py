"""Renderers of a `Document`: `pdf`, `page` (HTML), `csv`, `json`. One module each, one function each."""
