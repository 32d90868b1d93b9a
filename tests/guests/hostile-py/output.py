"""Guests that answer, report and log what they must not."""

from bulkhead_sdk import Failed, Output, Text
from guest import misdeed


@misdeed
def huge_result(input):
    return "x" * input.args["bytes"]


@misdeed
def huge_error(input):
    raise Failed("x" * input.args["bytes"])


@misdeed
def huge_exception(input):
    """A bug, with a message as long as it likes."""
    raise ValueError("x" * input.args["bytes"])


@misdeed
def progress_flood(input):
    for n in range(100_000):
        input.call.progress(n, 100_000, "more")
    return "flooded"


@misdeed
def huge_progress(input):
    input.call.progress(1, 2, "x" * input.args["bytes"])
    return "reported"


@misdeed
def not_a_number_progress(input):
    input.call.progress(float("nan"))
    input.call.progress(float("inf"), 5)
    input.call.progress(1, float("nan"))
    input.call.progress(2, 4)
    return "reported"


@misdeed
def log_flood(input):
    for _ in range(10_000):
        input.call.log("info", "logged line")
    return "flooded"


@misdeed
def print_flood(_):
    for _ in range(10_000):
        print("printed line")
    return "flooded"


@misdeed
def log_control_characters(input):
    message = 'begun\n{"level":"ERROR","message":"forged"}\r\n\x1b[2J\x1b]0;title\x07\x9b31m\0ended'
    input.call.log("info", message)
    print("printed \x1b[2J\x07\r\x9b31m\0ended")
    return "logged"


@misdeed
def not_a_number_result(_):
    return {"nan": float("nan"), "infinite": float("-inf")}


@misdeed
def cyclic_result(_):
    cycle = {}
    cycle["again"] = cycle
    return cycle


@misdeed
def lone_surrogates(input):
    """Half of a character, where text goes: in data, in a text, in an error, in a log."""
    half = "a\ud83db\ude00c"
    match input.args["where"]:
        case "data":
            return {half: half}
        case "text":
            return half
        case "error":
            raise Failed(half)
        case _:
            input.call.log("info", half, {"half": half})
            input.call.progress(1, 2, half)
            return "logged"


@misdeed
def no_json_result(input):
    """What JSON has no word for."""
    return {"odd": 1j} if input.args.get("within") else 1j


@misdeed
def deep_json_result(input):
    deep = {}
    for _ in range(input.args["depth"]):
        deep = {"deep": deep}
    return deep


@misdeed
def media_flood(input):
    """More pieces than any answer has."""
    return Output([Text("x")] * input.args["pieces"])
