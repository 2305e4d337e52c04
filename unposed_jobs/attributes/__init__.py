"""What a picture shows of a product, with a certainty that says how well it shows it."""
