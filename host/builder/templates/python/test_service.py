"""The service without a sandbox: the SDK's mock plays the API."""

import unittest

from bulkhead_sdk import Unavailable
from bulkhead_sdk.testing import Mock, call, check

from service import service

CONFIG = {"url": "http://api"}
PLACE = {"latitude": 59.91, "longitude": 10.75}
ASKED = "/v1/forecast?latitude=59.91&longitude=10.75&current=temperature_2m,wind_speed_10m"


class Weather(unittest.TestCase):
    def test_the_weather_is_read(self):
        mock = Mock().on("GET", ASKED, 200, {"current": {"temperature_2m": -3.5, "wind_speed_10m": 12.0}})
        output = call(service, CONFIG, mock, "current", PLACE)
        self.assertEqual(output.structured, {"temperature_celsius": -3.5, "wind_kmh": 12.0})

    def test_an_api_that_is_down_is_unavailable(self):
        mock = Mock().on("GET", ASKED, 503, "closed")
        with self.assertRaises(Unavailable):
            call(service, CONFIG, mock, "current", PLACE)

    def test_what_it_says_of_itself_is_sound(self):
        self.assertEqual(check(service), [])


if __name__ == "__main__":
    unittest.main()
