//! What clients and their connections may use before anybody looks at who they are.

#![expect(clippy::disallowed_methods, reason = "a client of the server under test")]

use std::io::{Read, Write};

use crate::support::{Server, one_service};

fn server(limits: &str) -> Server {
    Server::start(&format!("server: {{ limits: {{ {limits} }} }}\n{}", one_service("hostile", "")))
}

/// What the server answers to `head` and `body`, as far as it says something; empty if it hangs up.
fn answer(server: &Server, head: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let length = body.len();
    let _ = write!(
        stream,
        "{head}Host: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[test]
fn a_body_over_the_limit_is_refused() {
    let server = server("body_bytes: 4KiB");
    let padded = format!("{PING}{}", " ".repeat(3000));
    assert!(answer(&server, "POST /mcp HTTP/1.1\r\n", &padded).starts_with("HTTP/1.1 200 OK"));
    let padded = format!("{PING}{}", " ".repeat(5000));
    assert!(answer(&server, "POST /mcp HTTP/1.1\r\n", &padded).starts_with("HTTP/1.1 413 "));
}

#[test]
fn headers_over_the_limit_are_refused() {
    let server = server("header_bytes: 8KiB");
    let padded = |bytes: usize| format!("POST /mcp HTTP/1.1\r\nX-Padding: {}\r\n", "a".repeat(bytes));
    assert!(answer(&server, &padded(7000), PING).starts_with("HTTP/1.1 200 OK"));
    let refused = answer(&server, &padded(9000), PING);
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    assert!(refused.contains("the headers are too large"), "{refused}");
}

/// Whether the connection is served: the server answers a ping on it.
fn is_served(stream: &mut std::net::TcpStream) -> bool {
    let length = PING.len();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\r\n{PING}"
    );
    stream.write_all(request.as_bytes()).is_ok() && matches!(stream.read(&mut [0; 1024]), Ok(1..))
}

#[test]
fn a_peer_has_so_many_connections_and_another_when_one_is_closed() {
    let server = server("connections_per_peer: 2");
    let connect = || std::net::TcpStream::connect(server.address).unwrap();
    let (mut first, mut second, mut third) = (connect(), connect(), connect());
    assert!(is_served(&mut first) && is_served(&mut second));
    assert!(!is_served(&mut third));
    drop(first);
    // The server learns of it in its own time.
    while !is_served(&mut connect()) {
        std::thread::yield_now();
    }
    assert!(is_served(&mut second));
}

#[test]
fn all_peers_together_have_so_many_connections() {
    let server = server("connections: 1");
    let connect = || std::net::TcpStream::connect(server.address).unwrap();
    let (mut first, mut second) = (connect(), connect());
    assert!(is_served(&mut first));
    assert!(!is_served(&mut second));
}
