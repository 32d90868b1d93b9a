"""Owns the tests of moments, windows and lengths of time; the tables are those of the SDK for Rust."""

import unittest
from datetime import UTC, datetime, timedelta
from typing import Annotated

from bulkhead_sdk import (
    Call, InvalidArguments, Key, Manifest, Service, Span, When, Window, parse_span, rfc3339, unix_seconds, words,
)
from bulkhead_sdk.testing import Mock, call

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FORMS = "RFC 3339 (`2026-01-31T12:00:00Z`), unix seconds, or relative (`now`, `-1h`, `now-15m`)"

service = Service(Manifest("times", "1.0.0", "Times", "Says what it was asked."), setup=lambda: None)


@service.reads("Window")
def window(
    _: None,
    call: Call,
    start: Annotated[When | None, "Default `-1h`."] = None,
    end: Annotated[When | None, "Default now."] = None,
    step: Span | None = None,
):
    """Says which window is meant."""
    found = Window.resolve(start, end, 3600, call)
    return {"window": found.told(), "before": found.before().told(), "s": found.seconds, "step": step and step.seconds}


def from_now(seconds: float) -> When:
    return When(seconds, relative=True)


class Times(unittest.TestCase):
    def test_every_accepted_form_of_a_moment_is_read(self):
        for value, expected in [
            ("2026-01-31T12:00:00Z", When(1_769_860_800)),
            ("2026-01-31t12:00:00z", When(1_769_860_800)),
            ("2026-01-31 13:30:00+01:30", When(1_769_860_800)),
            ("2026-01-31T07:00:00.25-05:00", When(1_769_860_800.25)),
            ("1970-01-01T00:00:00Z", When(0)),
            ("1969-12-31T23:59:59Z", When(-1)),
            ("2000-02-29T00:00:00Z", When(951_782_400)),
            ("1700000000", When(1_700_000_000)),
            ("1700000000.5", When(1_700_000_000.5)),
            (1_700_000_000, When(1_700_000_000)),
            (1_700_000_000.25, When(1_700_000_000.25)),
            ("now", from_now(0)),
            ("-1h", from_now(-3600)),
            ("-7d", from_now(-604_800)),
            ("+5m", from_now(300)),
            ("now-15m", from_now(-900)),
            ("now - 1h30m", from_now(-5400)),
            (" now+1s ", from_now(1)),
        ]:
            self.assertEqual(When.parse(value), expected, value)

    def test_what_is_no_moment_is_refused_with_the_accepted_forms(self):
        told = [(text, f"`{text}` is not a time: expected {FORMS}") for text in (
            "", "yesterday", "2026-01-31", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-1-31T00:00:00Z",
            "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00", "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+1:00", "2026-01-31T12:00:00+24:00", "0000-01-01T00:00:00Z", "nowish", "NaN", "é",
            "٢026-01-31T12:00:00Z",
        )]
        milliseconds = "1700000000000 is out of range for unix seconds (milliseconds? divide by 1000)"
        for value, message in [
            *told,
            (1_700_000_000_000, milliseconds),
            ("1700000000000", milliseconds),
            ("now-1x", "`1x` is not a duration: expected a duration (`15s`, `1h30m`) or a number of seconds"),
            ("-9999y", "`-9999y` is out of range for a time"),
        ]:
            with self.assertRaises(ValueError) as caught:
                When.parse(value)
            self.assertEqual(str(caught.exception), message)

    def test_a_moment_is_written_for_a_reader_for_an_upstream_and_for_a_cursor(self):
        for text in ("2026-01-31T12:00:00Z", "1969-12-31T23:59:59.500Z", "0001-01-01T00:00:00Z"):
            self.assertEqual(rfc3339(When.parse(text).resolve(NOW)), text)
        self.assertEqual(rfc3339(When.parse("-3000y").resolve(NOW)), "0001-01-01T00:00:00Z", "no year is earlier")
        self.assertEqual(unix_seconds(NOW), "1769860800")
        self.assertEqual(unix_seconds(NOW + timedelta(milliseconds=123)), "1769860800.123")
        written = [When.parse(text).to_json() for text in ("-1h", "+5m", "now", "1.5")]
        self.assertEqual(written, ["now-3600", "now+300", "now+0", 1.5])
        self.assertEqual(When.parse("now-3600"), When.parse("-1h"), "what a cursor has can be read")
        key = Key("t", [When.parse("-1h")])
        self.assertEqual(Key("t", [When.parse("-60m")]).place(key.cursor("x")), "x")

    def test_durations_are_read_and_refused_with_what_one_looks_like(self):
        for text, seconds in [
            ("15s", 15), ("1h30m", 5400), ("500ms", 0.5), ("1y2w3d4h5m6s7ms", 33_019_506.007), ("90", 90),
            ("0.5", 0.5), ("0.5s", 0.5), ("1.5h", 5400), ("1h0.5m", 3630), ("0", 0),
        ]:
            self.assertEqual(parse_span(text), seconds, text)
        for text in ("", "s", "1x", "30m1h", "1h1h", "-1h", "1..5h", ".h", "1.h.", "1h ", "NaN", "inf", "5é"):
            with self.assertRaises(ValueError) as caught:
                parse_span(text)
            expected = f"`{text}` is not a duration: expected a duration (`15s`, `1h30m`) or a number of seconds"
            self.assertEqual(str(caught.exception), expected)
        self.assertEqual([words(one) for one in (5400, 0.25, 90_061, 0)], ["1h30m", "250ms", "1d1h1m1s", "0s"])

    def ask(self, **arguments):
        return call(service, {}, Mock(at=NOW), "window", arguments).structured

    def test_a_moment_is_an_argument_and_a_window_ends_now_unless_it_is_said(self):
        hour = {
            "window": {"start": "2026-01-31T11:00:00Z", "end": "2026-01-31T12:00:00Z"},
            "before": {"start": "2026-01-31T10:00:00Z", "end": "2026-01-31T11:00:00Z"},
            "s": 3600.0, "step": None,
        }
        self.assertEqual(self.ask(), hour)
        for start in ("-1h", "2026-01-31T11:00:00Z", 1_769_857_200, "1769857200"):
            self.assertEqual(self.ask(start=start, step="0.5s"), hour | {"step": 0.5})
        self.assertEqual(self.ask(end="-30m")["window"]["start"], "2026-01-31T10:30:00Z")

    def test_a_misfit_names_the_argument_and_the_accepted_forms(self):
        shortest = "arguments.step: a duration must be at least one millisecond"
        for arguments, message in [
            ({"start": "soon"}, f"arguments.start: `soon` is not a time: expected {FORMS}"),
            ({"start": True}, f"arguments.start: expected {FORMS}"),
            ({"step": 0}, shortest),
            ({"step": float("nan")}, shortest),
            ({"step": 10**400}, "arguments.step: is too large for a duration"),
            ({"step": []}, "arguments.step: expected a duration (`15s`, `1h30m`) or a number of seconds"),
            (
                {"start": "now", "end": "-1h"},
                "arguments.start: 2026-01-31T12:00:00Z is not before `end`, 2026-01-31T11:00:00Z",
            ),
        ]:
            with self.assertRaises(InvalidArguments) as caught:
                self.ask(**arguments)
            self.assertEqual(str(caught.exception), message)

    def test_the_schema_of_a_moment_or_a_span_is_short(self):
        self.assertEqual(service.tools[0].handler.schema()["properties"], {
            "start": {"type": ["string", "number"], "description": "Default `-1h`."},
            "end": {"type": ["string", "number"], "description": "Default now."},
            "step": {"type": ["string", "number"]},
        })


if __name__ == "__main__":
    unittest.main()
