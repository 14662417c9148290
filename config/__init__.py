"""Settings, URLs, the development stack and the demo. Wires the four apps."""
