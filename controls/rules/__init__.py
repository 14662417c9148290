"""The rules: one YAML file each by family, their language, and those that ship."""
