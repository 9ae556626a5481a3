"""What may be done to people, and under which rules. Views, APIs, syncs and jobs call these."""
