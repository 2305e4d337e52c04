"""The picture gallery: static pages of one published day (`report.build.build`)."""
