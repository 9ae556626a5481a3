"""The REST interface for programs, below /api/v1. docs/api.md is its introduction."""
