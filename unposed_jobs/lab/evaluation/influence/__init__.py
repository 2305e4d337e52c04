"""Is what is said of a picture's worth right? Simulated shops, and real listings as they are."""
