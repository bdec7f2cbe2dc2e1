from wrangler_compat import CompatError, ConfigError, Diagnostics, RoutePatternError


def test_every_error_has_its_own_code_and_an_exit_code() -> None:
    kinds = [CompatError, ConfigError, RoutePatternError]

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert {kind.exit_code for kind in kinds} == {1}
    assert all(issubclass(kind, CompatError) for kind in kinds)


def test_config_error_shows_the_errors_and_keeps_the_warnings() -> None:
    report = Diagnostics("Processing:")
    report.add_warning("Odd.")
    report.add_error("Wrong.")

    error = ConfigError(report)

    assert str(error) == "Processing:\n  - Wrong."
    assert error.diagnostics is report
