/** {{name}}: the weather at a place, from an API that needs no key. One tool, to be made your own. */

import { Base, defineService, tool, z } from "@bulkhead/sdk";

/** The API's answer, as far as it is used. */
interface Forecast {
  current: { temperature_2m: number; wind_speed_10m: number };
}

const current = tool({
  name: "current",
  description: "Says how warm and windy it is at a place now.",
  readOnly: true,
  openWorld: true,
  // The arguments. A model reads these words, and the host checks the bounds.
  input: z.object({
    latitude: z.number().min(-90).max(90).describe("Degrees north."),
    longitude: z.number().min(-180).max(180).describe("Degrees east."),
  }),
  output: z.object({ temperature_celsius: z.number(), wind_kmh: z.number() }),
  async run(api: Base, { latitude, longitude }, call) {
    const query = { latitude, longitude, current: "temperature_2m,wind_speed_10m" };
    const { current } = await api.json<Forecast>("/v1/forecast", { query });
    call.log("info", "the weather is known");
    return { temperature_celsius: current.temperature_2m, wind_kmh: current.wind_speed_10m };
  },
});

export default defineService({
  manifest: {
    name: "{{name}}",
    version: "0.1.0",
    title: "Weather",
    description: "Says what the weather is.",
    // All that it may ever send; the host refuses the rest.
    egress: [{ url: "{config.url}/v1/forecast", methods: ["GET"], reason: "to ask for the weather" }],
  },
  // What an operator configures.
  config: z.object({ url: z.string().describe("The API's base URL.") }),
  // What tools get first. Each call gets a fresh one, made of the config.
  setup: ({ url }) => new Base(url, "config.url"),
  tools: [current],
});
