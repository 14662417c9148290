"""The API at `/api/v1/`: what every endpoint of every app is made of."""
