"""What one picture is like, and what can be made of it: facts, masks, crops, cut-outs, colours."""
