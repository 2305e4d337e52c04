"""What the fault tests tried, in the summary."""


def pytest_terminal_summary(terminalreporter):
    """What the fault tests tried, and what was lost."""
    tried = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "tried"
    ]
    if tried:
        terminalreporter.section("faults tried")
        for line in sorted(tried):
            terminalreporter.write_line(line)
