//! Sending, as directly as WASI lets one: nothing is checked, encoded or added on the way.

use crate::bindings::wasi::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
            OutgoingRequest, Scheme,
        },
    },
    io::streams::{InputStream, StreamError},
};

/// An answer, read to its end.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a GET and reads the whole answer.
pub fn get(url: &str) -> Result<Reply, ErrorCode> {
    send(&Method::Get, url, &[], &[])
}

/// Sends a request and reads the whole answer. Panics where WASI itself refuses to build the request.
pub fn send(method: &Method, url: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Result<Reply, ErrorCode> {
    let request = request(method, url, headers);
    let outgoing = request.body().unwrap();
    let answer = outgoing_handler::handle(request, None)?;
    if !body.is_empty() {
        // An upstream that is not reached takes no body; the answer says why.
        let stream = outgoing.write().unwrap();
        let _ = body.chunks(4096).try_for_each(|chunk| stream.blocking_write_and_flush(chunk));
    }
    let _ = OutgoingBody::finish(outgoing, None);
    read(&receive(&answer)?)
}

/// A request to a URL that is taken apart at its first `://` and `/`, and no more.
pub fn request(method: &Method, url: &str, headers: &[(&str, &[u8])]) -> OutgoingRequest {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value).unwrap();
    }
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let request = OutgoingRequest::new(fields);
    request.set_method(method).unwrap();
    request.set_scheme(Some(&scheme)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some(path)).unwrap();
    request
}

/// Waits for the head of the answer.
pub fn receive(answer: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    answer.subscribe().block();
    answer.get().unwrap().unwrap()
}

/// Reads an answer to its end.
pub fn read(response: &IncomingResponse) -> Result<Reply, ErrorCode> {
    let body = response.consume().unwrap();
    let body = drain(&body.stream().unwrap())?;
    Ok(Reply { status: response.status(), headers: response.headers().entries(), body })
}

/// Reads a body's stream to its end.
pub fn drain(stream: &InputStream) -> Result<Vec<u8>, ErrorCode> {
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(chunk) => read.extend(chunk),
            Err(StreamError::Closed) => return Ok(read),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = crate::bindings::wasi::http::types::http_error_code(&error);
                return Err(code.unwrap_or_else(|| ErrorCode::InternalError(Some(error.to_debug_string()))));
            }
        }
    }
}

/// The name of a code without what it carries: `HttpRequestDenied`.
pub fn code(code: &ErrorCode) -> String {
    let shown = format!("{code:?}");
    let shown = shown.strip_prefix("ErrorCode::").unwrap_or(&shown);
    shown.split(['(', ' ']).next().unwrap_or_default().to_owned()
}
