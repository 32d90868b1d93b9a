/** What componentize-js makes of the contract's imports, as far as the SDK uses it. */

declare module "bulkhead:service/call@0.1.0" {
  export function progress(done: number, total: number | undefined, message: string | undefined): void;
  export function log(level: string, message: string, data: string | undefined): void;
  export function cancelled(): boolean;
}
declare module "wasi:io/poll@0.2.12" {
  export interface Pollable {
    block(): void;
  }
  export function poll(pollables: Pollable[]): Uint32Array;
}
declare module "wasi:clocks/monotonic-clock@0.2.12" {
  import type { Pollable } from "wasi:io/poll@0.2.12";
  export function now(): bigint;
  export function subscribeDuration(nanoseconds: bigint): Pollable;
}
declare module "wasi:http/outgoing-handler@0.2.12" {
  import type { FutureIncomingResponse, OutgoingRequest } from "wasi:http/types@0.2.12";
  export function handle(request: OutgoingRequest, options: undefined): FutureIncomingResponse;
}
declare module "wasi:http/types@0.2.12" {
  import type { Pollable } from "wasi:io/poll@0.2.12";
  export interface Variant {
    tag: string;
    val?: any;
  }
  export type Result<T> = { tag: "ok"; val: T } | { tag: "err"; val: Variant };
  export class Fields {
    append(name: string, value: Uint8Array): void;
    entries(): [string, Uint8Array][];
  }
  export class OutgoingRequest {
    constructor(headers: Fields);
    setMethod(method: Variant): void;
    setScheme(scheme: Variant): void;
    setAuthority(authority: string): void;
    setPathWithQuery(path: string): void;
    body(): OutgoingBody;
  }
  export class OutgoingBody {
    write(): OutputStream;
    static finish(body: OutgoingBody, trailers: undefined): void;
  }
  export interface OutputStream {
    checkWrite(): bigint;
    write(bytes: Uint8Array): void;
    flush(): void;
    subscribe(): Pollable;
  }
  export interface InputStream {
    read(most: bigint): Uint8Array;
    subscribe(): Pollable;
  }
  export interface FutureIncomingResponse {
    get(): Result<Result<IncomingResponse>> | undefined;
    subscribe(): Pollable;
  }
  export interface IncomingResponse {
    status(): number;
    headers(): Fields;
    consume(): IncomingBody;
  }
  export interface IncomingBody {
    stream(): InputStream;
  }
  export function httpErrorCode(error: unknown): Variant | undefined;
}
