"""The API of signal streams, at the addresses of the metadata (SSF 1.0 section 8)."""
