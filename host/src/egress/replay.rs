//! A request's body that can be sent a second time: what the upstream was sent is kept, up to a bound, and a
//! further attempt starts from the beginning.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use wasmtime_wasi_http::{Error, WasiBody};

/// Most that is kept. What is larger is sent once.
const KEPT: usize = 64 << 10;

/// A body and what was sent of it. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Replay(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rest: WasiBody,
    kept: Vec<Bytes>,
    size: usize,
    /// Something was sent that was not kept.
    lost: bool,
}

impl Replay {
    pub(super) fn new(body: WasiBody) -> Self {
        Self(Arc::new(Mutex::new(State { rest: body, kept: Vec::new(), size: 0, lost: false })))
    }

    /// Whether all that was sent can be sent again.
    pub(super) fn is_whole(&self) -> bool {
        !self.state().lost
    }

    /// The body from its beginning, for one attempt; the one before must be over.
    pub(super) fn attempt(&self) -> Attempt {
        Attempt { replay: self.clone(), at: 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attempt to send a body.
#[derive(Debug)]
pub(super) struct Attempt {
    replay: Replay,
    at: usize,
}

impl Body for Attempt {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let at = self.at;
        let mut state = self.replay.state();
        if let Some(chunk) = state.kept.get(at).cloned() {
            drop(state);
            self.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        let frame = ready!(Pin::new(&mut state.rest).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            match frame.data_ref() {
                Some(chunk) if !state.lost && state.size + chunk.len() <= KEPT => {
                    state.size += chunk.len();
                    let chunk = chunk.clone();
                    state.kept.push(chunk);
                }
                _ => {
                    state.lost = true;
                    state.kept.clear();
                }
            }
        }
        drop(state);
        self.at += 1;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let state = self.replay.state();
        self.at >= state.kept.len() && state.rest.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    fn body(chunks: &[usize]) -> WasiBody {
        let frames: Vec<_> =
            chunks.iter().map(|size| Ok(Frame::data(Bytes::from(vec![b'x'; *size])))).collect();
        StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
    }

    async fn sent(replay: &Replay) -> usize {
        replay.attempt().collect().await.unwrap_or_else(|error| panic!("{error}")).to_bytes().len()
    }

    #[tokio::test]
    async fn a_small_body_is_sent_again() {
        let replay = Replay::new(body(&[10, 20, 30]));
        for _ in 0..3 {
            assert_eq!((sent(&replay).await, replay.is_whole()), (60, true));
        }
    }

    #[tokio::test]
    async fn an_attempt_that_broke_off_does_not_lose_the_rest() {
        let replay = Replay::new(body(&[10, 20, 30]));
        let mut attempt = replay.attempt();
        assert_eq!(attempt.frame().await.unwrap().unwrap().into_data().unwrap().len(), 10);
        drop(attempt);
        assert_eq!((sent(&replay).await, replay.is_whole()), (60, true));
    }

    #[tokio::test]
    async fn a_large_body_is_sent_once() {
        let replay = Replay::new(body(&[KEPT, 1, 5]));
        assert_eq!((sent(&replay).await, replay.is_whole()), (KEPT + 6, false));
    }

    #[test]
    fn an_empty_body_says_so() {
        let empty: WasiBody = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
        assert!(Replay::new(empty).attempt().is_end_stream());
    }
}
