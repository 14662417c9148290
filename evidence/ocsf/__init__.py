"""Events in the shape of the Open Cybersecurity Schema Framework, version 1.8.0; pure Python."""
