"""Tests of bull2jet against a real Redis-compatible server and a real NATS server."""
