"""What is fitted once and shipped: the gate of the second look, the head of kinds of pictures."""
