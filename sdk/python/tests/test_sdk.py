"""Owns the SDK's own tests: schemas, errors, requests, questions, and the rules of the contract."""

import unittest
from dataclasses import dataclass
from typing import Annotated

from bulkhead_sdk import (
    Answer, Ask, Base, Call, Completing, Failed, InvalidArguments, Key, Manifest, NotFound, Output, Part, Range, RateLimited,
    Service, ServiceError, http, path, sleep,
)
from bulkhead_sdk.testing import Mock, attempt, call, check, complete, health, prompt, read


@dataclass
class Config:
    url: str


service = Service(
    Manifest("weather", "1.0.0", "Weather", "Says what it will be."),
    config=Config,
    setup=lambda config: Base(config.url, "config.url"),
)


@service.tool(read_only=True)
def forecast(base: Base, city: str, days: Annotated[int | None, Range(1, 7)] = None):
    """The forecast of a city."""
    return base.get("/v1/forecast", params={"q": city, "days": days}).raise_for_status().json()


@dataclass
class Yes:
    yes: bool


@service.tool()
def asks(base: Base, call: Call):
    """Asks twice."""
    try:
        sure = call.ask("sure", "Sure?", Yes)
    except Exception:
        return "swallowed"
    if sure.action != "accept":
        return sure.action
    text = call.model_text("words")
    if text is None:
        return Ask.model("words", "Say it.", 10).with_state(b"1")
    return f"{sure.value.yes} {text} {call.state!r}"


@service.tool()
def waits(base: Base, call: Call):
    """Sleeps, and says how long is left."""
    call.progress(1, 2)
    sleep(4)
    call.log("notice", "slept", {"s": 4})
    return f"{call.remaining} {call.cancelled} {call.now:%H:%M:%S}"


@service.tool()
def both(base: Base):
    """Sends two at once."""
    return [one.json() for one in http.gather(base.request("GET", "/a"), base.request("POST", "/b", json={"é": 1}))]


@service.prompt()
def plan(base: Base, city: str):
    """Plans a day."""
    return f"Plan a day in {city}."


@service.complete("plan", "city")
def cities(base: Base, typed: Completing, call: Call):
    return [one for one in ("Oslo", "Ottawa", "Rome") if one.startswith(typed.prefix)]


@service.resource("weather://{city}/now", mime_type="text/plain")
def now(base: Base, city: str):
    """Now."""
    return f"sun in {city}"


CONFIG = {"url": "http://up/base/"}
OSLO = "/base/v1/forecast?q=Oslo"


class Sdk(unittest.TestCase):
    def failing(self, mock: Mock, arguments=None) -> tuple[str, str]:
        with self.assertRaises(ServiceError) as caught:
            call(service, CONFIG, mock, "forecast", arguments or {"city": "Oslo"})
        return caught.exception.kind, str(caught.exception)

    def test_arguments_queries_and_results_are_typed_sent_and_given_back(self):
        mock = Mock().on("GET", "/base/v1/forecast?days=2&q=S%C3%A3o%20Paulo", 200, {"high": 4})
        output = call(service, CONFIG, mock, "forecast", {"city": "São Paulo", "days": 2}, traceparent="00-1")
        self.assertEqual((output.structured, output.text_content), ({"high": 4}, '{"high":4}'))
        self.assertEqual(mock.requests[0].url, "http://up/base/v1/forecast?q=S%C3%A3o%20Paulo&days=2")
        self.assertEqual(mock.requests[0].headers, {"accept": "application/json", "traceparent": "00-1"})

    def test_a_refusal_names_the_field_and_the_nearest_word_that_is_known(self):
        for arguments, message in [
            ({"ctiy": "x"}, "arguments: unknown key `ctiy`; did you mean `city`?"),
            ({"city": "x", "zzzzzz": 1}, "arguments: unknown key `zzzzzz`; known are city, days"),
            ({"days": 1}, "arguments: missing field `city`"),
            ({"city": 1}, "arguments.city: expected a string"),
            ({"city": "x", "days": 9}, "arguments.days: expected at least 1 and at most 7"),
            ({"city": "x", "days": True}, "arguments.days: expected an integer"),
        ]:
            self.assertEqual(self.failing(Mock(), arguments), ("invalid-arguments", message))
        for config, message in [
            ({"ulr": "x"}, "config: unknown key `ulr`; did you mean `url`?"),
            ({"url": "ftp://x"}, "config.url: `ftp://x` is not a URL that can be fetched: only http and https are"),
        ]:
            with self.assertRaises(Failed) as caught:
                call(service, config, Mock(), "forecast")
            self.assertEqual(str(caught.exception), message)

    def test_what_gets_no_answer_says_why(self):
        denied = "GET http://up/base/v1/forecast is not allowed by this service's egress rules"
        self.assertEqual(self.failing(Mock().deny("GET", OSLO)), ("denied", denied))
        gone = Mock().unreachable("GET", OSLO, "connection refused")
        self.assertEqual(self.failing(gone), ("unavailable", "up does not answer: connection refused"))
        hanging = Mock(deadline=5).hang("GET", OSLO)
        self.assertEqual(self.failing(hanging), ("unavailable", "up did not answer within 4.8 s"))

    def test_statuses_become_errors_in_the_upstreams_words(self):
        for status, body, expected in [
            (404, {"message": "No city"}, ("not-found", "the upstream has no such thing (404): No city")),
            (422, {"errors": [{"detail": "no"}]}, ("upstream", "no (the same request would fail again)")),
            (500, "a\n b", ("upstream", "a b (a retry may help)")),
            (502, "x" * 400, ("unavailable", f"the upstream is unavailable (502): {'x' * 300}…")),
        ]:
            self.assertEqual(self.failing(Mock().on("GET", OSLO, status, body)), expected)
        with self.assertRaises(RateLimited) as caught:
            call(service, CONFIG, Mock().on("GET", OSLO, 429, "", {"retry-after": "7"}), "forecast", {"city": "Oslo"})
        self.assertEqual(caught.exception.retry_after, 7)
        kind, message = self.failing(Mock().on("GET", OSLO, 200, "<html>"))
        self.assertRegex(message, r"^the upstream's answer is not what was expected: .*; it begins with: <html>$")

    def test_what_json_does_not_have_is_refused_or_mended(self):
        for value in [{"nan": float("nan")}, [float("inf")]]:
            with self.assertRaisesRegex(ValueError, "not JSON compliant"):
                Output.json(value)
        half = "a\ud83d"
        self.assertEqual(Output.json({half: [half, "\N{GRINNING FACE}"]}).text_content, '{"a\ufffd":["a\ufffd","\N{GRINNING FACE}"]}')

    def test_questions_are_asked_answered_and_asked_again(self):
        first = attempt(service, CONFIG, Mock(), "asks")
        self.assertEqual(first.questions[0].params["requestedSchema"]["required"], ["yes"])

        def said(*inputs: Answer, state=None):
            return attempt(service, CONFIG, Mock(), "asks", inputs=inputs, state=state)

        self.assertEqual(said(Answer("sure", {"action": "decline"})).text_content, "decline")
        yes = Answer("sure", {"action": "accept", "content": {"yes": True}})
        second = said(yes)
        self.assertEqual(second.questions[0].kind, "sampling")
        words = Answer("words", {"content": {"type": "text", "text": "well"}})
        self.assertEqual(said(yes, words, state=second.state).text_content, "True well b'1'")

    def test_the_clock_is_the_tests_and_what_is_told_is_kept(self):
        mock = Mock(cancel_after=4)
        self.assertEqual(call(service, CONFIG, mock, "waits").text_content, "26.0 True 00:00:04")
        self.assertEqual(mock.progressed, [(1.0, 2.0, None)])
        self.assertEqual(mock.logs, [("notice", "slept", {"s": 4})])

    def test_requests_are_gathered_in_order(self):
        mock = Mock().on("GET", "/base/a", 200, 1).on("POST", "/base/b", 200, 2)
        self.assertEqual(call(service, CONFIG, mock, "both").structured, [1, 2])
        self.assertEqual(mock.requests[1].body, '{"é":1}'.encode())

    def test_prompts_are_filled_in_arguments_completed_resources_read(self):
        self.assertEqual(prompt(service, CONFIG, Mock(), "plan", {"city": "Oslo"})[0].text, "Plan a day in Oslo.")
        typed = Completing("O", {})
        self.assertEqual(complete(service, CONFIG, Mock(), "plan", "city", typed), (["Oslo", "Ottawa"], 2, False))
        uri = "weather://S%C3%A3o/now"
        self.assertEqual(read(service, CONFIG, Mock(), uri), [Part("sun in São", uri, "text/plain")])
        with self.assertRaises(NotFound):
            read(service, CONFIG, Mock(), "weather://a/b/now")

    def test_a_service_keeps_the_rules_and_one_that_does_not_is_told(self):
        self.assertEqual(check(service), [])
        self.assertEqual(health(service, CONFIG, Mock()), "ready")
        odd = Service(Manifest("Odd", "1", "O", ""), setup=lambda: None)
        odd.tool(name="A", read_only=True, destructive=True)(lambda state: "")
        self.assertEqual(len(check(odd)), 5)
        with self.assertRaisesRegex(TypeError, "the parameter `x` needs a type"):
            odd.tool()(lambda state, x: "")

    def test_a_cursor_belongs_to_its_arguments(self):
        key = Key("list", ["open", None])
        self.assertEqual(key.place(key.cursor("7")), "7")
        for forged in ("", "x", "%%", "AAAA", Key("list", ["all", None]).cursor("7")):
            with self.assertRaises(InvalidArguments):
                key.place(forged)

    def test_paths_are_encoded_by_segment(self):
        self.assertEqual(path("/a/{}/{}", "b/c d", 7), "/a/b%2Fc%20d/7")
        self.assertEqual(path("/a/{}/{}", "..a", "a;.."), "/a/..a/a%3B..")
        for dots in ("", ".", "..", "a/../b", "..\\a", "a/.", "..;x", "a\0b"):
            with self.assertRaises(Failed):
                path("/a/{}", dots)


if __name__ == "__main__":
    unittest.main()
