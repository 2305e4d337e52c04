"""What kind of picture shows nobody: a garment laid flat, a fabric, a chart, a detail."""
