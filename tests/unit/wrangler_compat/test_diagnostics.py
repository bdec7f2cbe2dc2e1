from wrangler_compat import Diagnostics, Message, Position

PLACE = Position("wrangler.toml", 3, 7)


def test_new_report_is_empty() -> None:
    report = Diagnostics("Title")

    assert not report.has_errors
    assert not report.has_warnings
    assert report.errors == report.warnings == []
    assert report.render() == str(report) == ""


def test_message_ends_with_its_position() -> None:
    assert str(Message("Wrong.", PLACE)) == "Wrong. (wrangler.toml:3:7)"
    assert str(Message("Wrong.")) == "Wrong."


def test_tree_is_rendered_indented_with_warnings_and_errors_apart() -> None:
    report = Diagnostics("Processing wrangler.toml configuration:")
    report.add_warning("First.\n\nSecond line.", PLACE)
    report.add_error("Bad.")
    section = report.child('"env.production" environment configuration')
    section.add_warning("Inner\nlines")
    report.child("an empty section")

    assert str(report) == (
        "Processing wrangler.toml configuration:\n"
        "  - First.\n"
        "\n"
        "    Second line. (wrangler.toml:3:7)\n"
        '  - "env.production" environment configuration\n'
        "      - Inner\n"
        "        lines\n"
        "\n"
        "Processing wrangler.toml configuration:\n"
        "  - Bad."
    )


def test_messages_of_sections_count_for_the_whole() -> None:
    report = Diagnostics()
    report.add_warning("one")
    inner = report.child("a").child("b")
    inner.add_error("two", PLACE)
    inner.add_warning("three")

    assert report.errors == [Message("two", PLACE)]
    assert [message.text for message in report.warnings] == ["one", "three"]
    assert report.has_errors
    assert report.has_warnings


def test_report_without_title_is_a_plain_list() -> None:
    report = Diagnostics()
    report.add_error("one\nmore")
    report.add_error("two")

    assert report.render_errors() == "one\nmore\ntwo"
    assert report.render_warnings() == ""


def test_position_knows_its_key_and_is_the_same_place_without() -> None:
    keyed = Position("wrangler.toml", 3, 7, ("vars", "A"))

    assert keyed == PLACE
    assert hash(keyed) == hash(PLACE)
    assert (keyed.key, PLACE.key) == (("vars", "A"), ())
    assert str(keyed) == "wrangler.toml:3:7"


def test_other_report_is_taken_over_without_what_is_known() -> None:
    report, other = Diagnostics("Title"), Diagnostics("Another title")
    report.add_warning("known", PLACE)
    report.child("section").add_error("known too")
    report.child("another")
    other.add_warning("known", PLACE)
    other.add_warning("known")
    other.add_error("known too")
    other.child("section").add_warning("new")
    other.child("third").add_error("last")

    report.include(other)

    assert str(report) == (
        "Title\n"
        "  - known (wrangler.toml:3:7)\n"
        "  - known\n"
        "  - section\n"
        "      - new\n"
        "\n"
        "Title\n"
        "  - section\n"
        "      - known too\n"
        "  - third\n"
        "      - last"
    )


def test_control_characters_of_a_file_are_shown_and_not_sent_to_the_terminal() -> None:
    report = Diagnostics()

    report.add_error('"\x1b[31mred\x9b0m\x7f\x00" is é.\n\tNext line.')

    assert str(report) == '"\\x1b[31mred\\x9b0m\\x7f\\x00" is é.\n\tNext line.'
