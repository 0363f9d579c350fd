"""The only place that speaks SQL, and the key files."""
