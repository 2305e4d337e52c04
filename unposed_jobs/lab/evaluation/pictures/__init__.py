"""How right the facts of pictures are: masks, crops, colours, classes, marketplaces' rules."""
