"""AWS: CloudTrail in every wrapping it comes in, and listings of IAM accounts."""
