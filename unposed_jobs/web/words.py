"""What values are called on the pages; each is translated where it is shown."""

from __future__ import annotations

from unposed_jobs.web.languages import N_

ROLES = {"reader": N_("reader"), "editor": N_("editor"), "owner": N_("owner")}
FLAG_STATES = {
    "missing": N_("missing"),
    "present": N_("present"),
    "unknown": N_("unclear"),
    "waived": N_("waived"),
    "not_applicable": N_("not asked"),
    "not asked": N_("not asked"),
}
"""Of a flag in the tables."""
WORK_STATES = {
    "open": N_("Missing"),
    "missing": N_("Missing"),
    "present": N_("Present"),
    "unknown": N_("Unclear"),
    "unclear": N_("Unclear"),
    "not_applicable": N_("Not asked"),
    "assigned": N_("Assigned"),
    "done": N_("Done"),
    "waived": N_("Waived"),
    "shown": N_("Shown after all"),
    "excluded": N_("Not asked"),
}
"""Of an ask on a product's page."""
ACTIONS = {
    "rename": N_("rename"),
    "merge": N_("merge"),
    "hide": N_("hide"),
    "waive": N_("waive"),
    "not_applicable": N_("does not apply"),
    "shows": N_("shows it"),
    "assign": N_("assign"),
    "done": N_("done"),
    "undo": N_("undo"),
    "login": N_("login"),
    "person": N_("person"),
    "view": N_("saved view"),
    "promotion": N_("promotion"),
}
"""Of the log; the first are kinds of decisions."""
MEASURES = {
    "width": N_("width in pixels"),
    "height": N_("height in pixels"),
    "longest_side": N_("longest side in pixels"),
    "shortest_side": N_("shortest side in pixels"),
    "aspect_ratio": N_("width over height"),
    "file_bytes": N_("bytes of the file"),
    "file_format": N_("kind of file"),
    "white_share": N_("white share of the background"),
    "plain_share": N_("plain share of the background"),
    "background_lightness": N_("lightness of the background"),
    "brightness": N_("brightness"),
    "edge_width": N_("blur: width of an edge in pixels"),
    "fill": N_("share of the frame that the product fills"),
    "off_centre": N_("share of the frame by which the product is off its centre"),
    "sides_cut": N_("sides at which the product is cut"),
    "words": N_("words written in the picture"),
    "pictures": N_("pictures"),
    "packshots": N_("pictures of the product alone"),
    "models": N_("pictures on a person"),
    "colours_apart": N_("difference of the pictures’ colours"),
}
"""What rules of marketplaces measure."""
CHANGES = {"opened": N_("opened"), "closed": N_("closed")}
CAUSES = {
    "picture added": N_("picture added"),
    "picture removed": N_("picture removed"),
    "picture changed": N_("picture changed"),
    "new product": N_("new product"),
    "product removed": N_("product removed"),
    "waived": N_("waived"),
    "waiver ended": N_("waiver ended"),
    "picture confirmed": N_("picture confirmed"),
    "confirmation ended": N_("confirmation ended"),
    "new model": N_("new model"),
    "new profile": N_("new profile"),
    "new settings": N_("new settings"),
    "new catalogue": N_("new catalogue"),
    "unknown": N_("unknown"),
}
"""As the view `changes` has them."""
COMPARED_WITH = {
    "the day before": N_("the day before"),
    "a week ago": N_("a week ago"),
    "the last model": N_("the last model"),
}
ATTRIBUTES = {
    "category": N_("category"),
    "subcategory": N_("subcategory"),
    "product_type": N_("type"),
}
"""Columns of the catalogue; others are called as the shop calls them."""
