"""The nightly audit: product × vocabulary to states, ranks and remedies (Algorithm 2)."""
