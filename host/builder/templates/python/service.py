"""{{name}}: the weather at a place, from an API that needs no key. One tool, to be made your own."""

from dataclasses import dataclass
from typing import Annotated

from bulkhead_sdk import Base, Call, Egress, Manifest, Range, Service


@dataclass
class Config:
    """What an operator configures."""

    url: Annotated[str, "The API's base URL."]


service = Service(
    Manifest(
        name="{{name}}",
        version="0.1.0",
        title="Weather",
        description="Says what the weather is.",
        # All that it may ever send; the host refuses the rest.
        egress=[Egress("{config.url}/v1/forecast", ["GET"], "to ask for the weather")],
    ),
    config=Config,
    # What tools get first. Each call gets a fresh one, made of the config.
    setup=lambda config: Base(config.url, "config.url"),
)


@dataclass
class Current:
    """The result."""

    temperature_celsius: float
    wind_kmh: float


# The arguments are the parameters. A model reads these words, and the host checks the bounds.
@service.tool(read_only=True, open_world=True)
def current(
    api: Base,
    latitude: Annotated[float, "Degrees north.", Range(-90, 90)],
    longitude: Annotated[float, "Degrees east.", Range(-180, 180)],
    call: Call,
) -> Current:
    """Says how warm and windy it is at a place now."""
    params = {"latitude": latitude, "longitude": longitude, "current": "temperature_2m,wind_speed_10m"}
    measured = api.get("/v1/forecast", params=params).raise_for_status().json()["current"]
    call.log("info", "the weather is known")
    return Current(measured["temperature_2m"], measured["wind_speed_10m"])
