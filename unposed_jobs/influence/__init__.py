"""What a picture is worth: a regression of outcomes, and differences in differences."""
