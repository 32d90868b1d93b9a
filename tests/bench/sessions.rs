//! What an idle session of a legacy client weighs.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use serde_json::json;

use crate::{
    figures::Figures,
    process::{Serving, written},
};

const SESSIONS: usize = 10_000;
/// What is made with the first ones is there afterwards: threads' buffers, the allocator's.
const BEFORE: usize = 500;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"sampling":{},"elicitation":{}},"clientInfo":{"name":"bench","title":"Bench","version":"1.0.0"}}}"#;

pub(crate) fn add_to(figures: &mut Figures, component: &Path) {
    eprintln!("sessions");
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "components: {{ cache_dir: cache }}\n\
         server: {{ sessions: {{ per_caller: 20000, total: 20000 }} }}\n\
         tenants: {{ bench: {{ services: {{ bench: {{ component: '{}' }} }} }} }}\n",
        component.display()
    );
    let config = written(dir.path(), &text);
    let host = || Serving::host(&config, tempfile::tempdir().unwrap());
    // Compiles the component: what that leaves in memory is given back while sessions are counted.
    drop(host());
    let server = host();
    begin(server.address, BEFORE);
    let (before, descriptors) = (server.rss_mib(), server.descriptors());
    begin(server.address, SESSIONS);
    let bytes = (server.rss_mib() - before) * f64::from(1 << 20) / SESSIONS as f64;
    figures.insert("bytes_per_session", json!(bytes.round()));
    figures.insert("sessions_descriptors_before", json!(descriptors));
    figures.insert("sessions_descriptors_after", json!(server.descriptors()));
}

/// Begins sessions over one connection: what is measured is not what connections weigh.
fn begin(address: SocketAddr, sessions: usize) {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{INITIALIZE}",
        INITIALIZE.len()
    );
    for _ in 0..sessions {
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut length, mut named) = (0, false);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            named |= line.starts_with("mcp-session-id: ");
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        assert!(named, "no session was begun");
        stream.read_exact(&mut vec![0; length]).unwrap();
    }
}
