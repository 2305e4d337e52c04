"""BlazePose in batches: both networks from the official weights, and all that lies between."""
