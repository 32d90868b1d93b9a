//! {{name}}: the weather at a place, from an API that needs no key. One tool, to be made your own.

use bulkhead_sdk::prelude::*;

/// What an operator configures.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The API's base URL.
    url: String,
}

/// The service. Each call gets a fresh one, made of the config.
struct Weather {
    api: Base,
}

impl Service for Weather {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION"), "Weather")
            .description("Says what the weather is.")
            // All that it may ever send; the host refuses the rest.
            .egress("{config.url}/v1/forecast", &["GET"], "to ask for the weather")
    }

    fn new(config: Config) -> Result<Self, String> {
        let api = Base::new(&config.url).map_err(|why| format!("config.url: {why}"))?;
        Ok(Self { api })
    }

    fn tools(&self) -> Tools<Self> {
        let what = "Says how warm and windy it is at a place now.";
        Tools::new().add(Tool::new("current", what, current).read_only().open_world().output::<Current>())
    }
}

/// The arguments. A model reads these words, and the host checks the bounds.
#[derive(Deserialize, JsonSchema)]
struct Place {
    /// Degrees north.
    #[schemars(range(min = -90, max = 90))]
    latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180, max = 180))]
    longitude: f64,
}

/// The result.
#[derive(Serialize, JsonSchema)]
struct Current {
    temperature_celsius: f64,
    wind_kmh: f64,
}

/// The API's answer, as far as it is used.
#[derive(Deserialize)]
struct Forecast {
    current: Measured,
}

#[derive(Deserialize)]
struct Measured {
    temperature_2m: f64,
    wind_speed_10m: f64,
}

async fn current(weather: &Weather, place: Place, call: &Call) -> Result<Output> {
    let request = weather.api.get("/v1/forecast");
    let request = request.query("latitude", place.latitude).query("longitude", place.longitude);
    let forecast: Forecast = request.query("current", "temperature_2m,wind_speed_10m").json().await?;
    call.log(Level::Info, "the weather is known");
    let Measured { temperature_2m, wind_speed_10m } = forecast.current;
    Ok(Output::json(&Current { temperature_celsius: temperature_2m, wind_kmh: wind_speed_10m }))
}

bulkhead_sdk::register!(Weather);

#[cfg(test)]
mod tests {
    use bulkhead_sdk::testing::{self, Mock};

    use super::*;

    const ASKED: &str = "/v1/forecast?latitude=59.91&longitude=10.75&current=temperature_2m,wind_speed_10m";

    fn call(mock: &Mock) -> Result<Output> {
        let (config, place) = (json!({"url": "http://api"}), json!({"latitude": 59.91, "longitude": 10.75}));
        testing::call::<Weather>(config, mock, "current", place)
    }

    #[test]
    fn the_weather_is_read() {
        let answer = json!({"current": {"temperature_2m": -3.5, "wind_speed_10m": 12.0}});
        let mock = Mock::new().on(Method::Get, ASKED, 200, answer);
        let output = call(&mock).unwrap();
        assert_eq!(output.structured(), Some(&json!({"temperature_celsius": -3.5, "wind_kmh": 12.0})));
    }

    #[test]
    fn an_api_that_is_down_is_unavailable() {
        let mock = Mock::new().on(Method::Get, ASKED, 503, json!("closed"));
        assert!(matches!(call(&mock), Err(Error::Unavailable { .. })));
    }

    #[test]
    fn what_it_says_of_itself_is_sound() {
        assert_eq!(testing::check::<Weather>(json!({"url": "http://api"})).unwrap(), [""; 0]);
    }
}
