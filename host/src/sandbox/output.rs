//! What a guest prints: bounded lines in the operator's log.

use std::{
    borrow::Cow,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use bytesize::ByteSize;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// Longest line; the rest of it is dropped.
const LINE: usize = 1024;

/// One of a guest's output streams. Clones write to the same lines.
#[derive(Clone, Debug)]
pub(super) struct Output(Arc<Mutex<Lines>>);

struct Lines {
    log: Box<dyn Fn(&str) + Send>,
    line: Vec<u8>,
    left: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Output {
    /// A stream whose lines go to `log`.
    /// A guest that says more than `most` has lost its way, and logs cost money.
    pub(super) fn new(most: ByteSize, log: impl Fn(&str) + Send + 'static) -> Self {
        let left = usize::try_from(most.as_u64()).unwrap_or(usize::MAX);
        Self(Arc::new(Mutex::new(Lines { log: Box::new(log), line: Vec::new(), left })))
    }

    fn print(&self, bytes: &[u8]) {
        // The lock is never held across anything that can panic or wait.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).print(bytes);
    }
}

impl Lines {
    fn print(&mut self, bytes: &[u8]) {
        if self.left == 0 {
            return;
        }
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        for &byte in bytes.iter().take(taken) {
            match byte {
                b'\n' => self.end_line(),
                _ if self.line.len() < LINE => self.line.push(byte),
                _ => {}
            }
        }
        if self.left == 0 {
            self.end_line();
            (self.log)("(further output of this call is dropped)");
        }
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            (self.log)(&one_line(&String::from_utf8_lossy(&self.line)));
            self.line.clear();
        }
    }
}

/// A guest's words as one line, in which nothing acts on a terminal or looks like another line of the log.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let odd = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(odd) {
        return text.into();
    }
    let escape = |c: char| if odd(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(4096)
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 32 << 10;

    fn printed(chunks: &[&[u8]]) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let output =
            Output::new(ByteSize::b(BYTES as u64), move |line| sink.lock().unwrap().push(line.to_owned()));
        chunks.iter().for_each(|chunk| output.print(chunk));
        drop(output);
        Arc::into_inner(lines).unwrap().into_inner().unwrap()
    }

    #[test]
    fn chunks_become_lines() {
        assert_eq!(printed(&[b"a", b"b\n\nc\nd"]), ["ab", "c", "d"]);
        assert_eq!(printed(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn nothing_in_a_line_acts_on_a_terminal() {
        assert_eq!(one_line("plain\tü"), "plain\tü");
        assert_eq!(one_line("a\nb\r\x1b[31m\u{85}\u{2028}"), r"a\nb\r\u{1b}[31m\u{85}\u{2028}");
        assert_eq!(printed(&[b"a\rb\x1bc\n"]), [r"a\rb\u{1b}c"]);
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(printed(&[&[b'x'; 5000], b"\ny\n"]), ["x".repeat(LINE), "y".to_owned()]);
    }

    #[test]
    fn a_flood_is_cut_off_once() {
        let lines = printed(&[&b"0123456\n".repeat(10_000), b"more\n"]);
        assert_eq!(lines.len(), BYTES / 8 + 1);
        assert_eq!(lines.last().unwrap(), "(further output of this call is dropped)");
    }
}
