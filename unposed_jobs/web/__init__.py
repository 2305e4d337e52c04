"""The web application: what is published to look at, and what people decide about it."""
