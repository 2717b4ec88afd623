"""Self-hosted vision model service: the client."""
