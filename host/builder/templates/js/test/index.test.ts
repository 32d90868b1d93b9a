/** The service without a sandbox: the SDK's mock plays the API. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Unavailable } from "@bulkhead/sdk";
import { call, check, Mock } from "@bulkhead/sdk/testing";
import service from "../src/index.js";

const config = { url: "http://api" };
const place = { latitude: 59.91, longitude: 10.75 };
const asked = "/v1/forecast?latitude=59.91&longitude=10.75&current=temperature_2m,wind_speed_10m";

test("the weather is read", async () => {
  const answer = { current: { temperature_2m: -3.5, wind_speed_10m: 12 } };
  const mock = new Mock().on("GET", asked, 200, answer);
  const output = await call(service, config, mock, "current", place);
  assert.deepEqual(output.structured, { temperature_celsius: -3.5, wind_kmh: 12 });
});

test("an API that is down is unavailable", async () => {
  const mock = new Mock().on("GET", asked, 503, "closed");
  await assert.rejects(call(service, config, mock, "current", place), Unavailable);
});

test("what it says of itself is sound", async () => {
  assert.deepEqual(await check(service, config), []);
});
