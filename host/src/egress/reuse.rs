//! Responses that a guest asked to have kept. A fresh instance would fetch the same document, of what an API offers say,
//! at every call; so a GET may bring `bulkhead-reuse: SECONDS`, and for so long its response answers others like it.
//!
//! - A kept response belongs to the compartment whose rules and credentials it was fetched under: it is part of the
//!   [`Policy`](super::Policy), and one that is made anew has none.
//! - It answers only a request that the rules allow, for the same URL with the same headers: all that the guest set but
//!   those of a trace. What a response varies by is among them.
//! - It is kept as the guest read it: decoded, bounded, without secrets. One that broke off, or was not read to its end,
//!   is not kept, nor one that its upstream wants nowhere: `no-store`, `vary: *`.
//!
//! The guest decides how long a document holds; what else `cache-control` says is for those who do not know.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::Full;
use moka::{policy::EvictionPolicy, sync::Cache};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{headers, target::Target};

/// The header by which a guest asks for it. No upstream sees it.
const HEADER: HeaderName = HeaderName::from_static("bulkhead-reuse");
/// These differ with every call and change no response.
const OF_A_TRACE: [&str; 3] = ["traceparent", "tracestate", "baggage"];
/// Nothing is kept longer. Doubled, a guest may work from a document that is twenty minutes old; halved, one that lists
/// its tools once in ten minutes fetches it each time.
const LONGEST: Duration = Duration::from_secs(600);
/// Bytes of all that is kept for a service. Doubled, a thousand hostile services hold eight GiB; halved, the documents of
/// a large Kubernetes cluster push each other out.
const KEPT: u64 = 4 << 20;
/// Responses that are kept for a service, however small. Halved, an API with a document for each group loses some;
/// doubled, what is kept beside them (headers, places in the cache) grows past what they weigh.
const ENTRIES: u64 = 256;
/// Bytes of one response; a larger one passes and is not kept. Doubled, two of them push out all others; halved,
/// documents of common APIs do not fit.
const LARGEST: usize = 1 << 20;

/// The URL and the headers of a request, as SHA-256.
type Key = [u8; 32];

/// What a guest asks for.
#[derive(Debug)]
pub(super) struct Wish {
    key: Key,
    within: Duration,
}

impl Wish {
    /// Takes it out of a request: none if the guest asks for nothing, in other words than whole seconds, or of a
    /// request that is no plain GET.
    pub(super) fn take<B: Body>(request: &mut Request<B>, target: &Target) -> Option<Self> {
        let asked = request.headers_mut().remove(HEADER)?;
        let seconds = asked.to_str().ok()?.parse().ok().filter(|seconds| *seconds > 0)?;
        // Of a body, which some APIs read with a GET, the key knows nothing.
        if *request.method() != Method::GET || !request.body().is_end_stream() {
            return None;
        }
        let within = Duration::from_secs(seconds).min(LONGEST);
        Some(Self { key: key(target, request.headers()), within })
    }
}

/// No URL and no header has a line break in it, so what differs is written differently.
fn key(target: &Target, headers: &HeaderMap) -> Key {
    let mut lines: Vec<_> = headers.iter().filter(|(name, _)| !OF_A_TRACE.contains(&name.as_str())).collect();
    lines.sort_by_key(|(name, _)| name.as_str()); // stable: several values of a name stay in order
    let mut digest = Sha256::new().chain_update(target.url().as_str());
    for (name, value) in lines {
        digest.update("\n");
        digest.update(name.as_str());
        digest.update(":");
        digest.update(value.as_bytes());
    }
    digest.finalize().into()
}

/// A response that is kept.
#[derive(Debug)]
struct Known {
    since: Instant,
    within: Duration,
    headers: HeaderMap,
    body: Bytes,
}

/// The responses that are kept for a service. Most services keep none, so there is nothing until one does.
#[derive(Clone, Debug, Default)]
pub(super) struct Reuse(Arc<OnceLock<Cache<Key, Arc<Known>>>>);

impl Reuse {
    /// A response that is kept, if it is as young as the guest wants it.
    pub(super) fn find(&self, wish: &Wish) -> Option<Response<Full<Bytes>>> {
        let known = self.0.get()?.get(&wish.key)?;
        let since = known.since.elapsed();
        if since >= known.within.min(wish.within) {
            return None;
        }
        let mut response = Response::new(Full::new(known.body.clone()));
        *response.headers_mut() = known.headers.clone();
        let before = known.headers.get(header::AGE).and_then(|age| age.to_str().ok()?.parse().ok());
        let age = since.as_secs().saturating_add(before.unwrap_or(0));
        response.headers_mut().insert(header::AGE, HeaderValue::from(age));
        Some(response)
    }

    /// Where a response will be kept; none if it is not to be.
    pub(super) fn place(&self, wish: Wish, status: StatusCode, headers: &HeaderMap) -> Option<Place> {
        let named = |name: HeaderName, word: &str| {
            let values = headers.get_all(name).into_iter();
            let words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
            words.map(<[u8]>::trim_ascii).any(|given| given.eq_ignore_ascii_case(word.as_bytes()))
        };
        let may = status == StatusCode::OK
            && !named(header::CACHE_CONTROL, "no-store")
            && !named(header::VARY, "*");
        may.then(|| Place { reuse: self.clone(), wish, headers: headers.clone(), body: Vec::new() })
    }

    fn insert(&self, key: Key, known: Known) {
        let kept = self.0.get_or_init(|| {
            let builder = Cache::builder().max_capacity(KEPT).weigher(|_, known: &Arc<Known>| weight(known));
            builder.eviction_policy(EvictionPolicy::lru()).time_to_live(LONGEST).build()
        });
        kept.insert(key, Arc::new(known));
        kept.run_pending_tasks(); // what is too much goes now, not when moka comes to it
    }
}

/// At least what leaves room for so many and no more.
fn weight(known: &Known) -> u32 {
    let bytes = headers::size(&known.headers).saturating_add(known.body.len() as u64);
    u32::try_from(bytes.max(KEPT / ENTRIES)).unwrap_or(u32::MAX)
}

/// Where a response will be kept, with as much of its body as has passed.
#[derive(Debug)]
pub(super) struct Place {
    reuse: Reuse,
    wish: Wish,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Place {
    fn fill(self) {
        let Self { reuse, wish: Wish { key, within }, headers, body } = self;
        let body = body.into_boxed_slice().into(); // no larger than what is in it
        reuse.insert(key, Known { since: Instant::now(), within, headers, body });
    }
}

/// A body that is copied while it passes, and kept when it has passed whole.
#[derive(Debug)]
pub(super) struct Keeping<B> {
    body: B,
    /// None once it is filled, or will not be.
    place: Option<Place>,
}

impl<B> Keeping<B> {
    pub(super) fn new(body: B, place: Place) -> Self {
        Self { body, place: Some(place) }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Keeping<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        let Some(mut place) = self.place.take() else { return Poll::Ready(polled) };
        match &polled {
            Some(Err(_)) => return Poll::Ready(polled),
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(&[][..], |data| data);
                if place.body.len() + data.len() > LARGEST {
                    return Poll::Ready(polled);
                }
                place.body.extend_from_slice(data);
            }
            None => {}
        }
        // Who knows that it has ended does not ask again.
        if polled.is_none() || self.body.is_end_stream() {
            place.fill();
        } else {
            self.place = Some(place);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt, Empty, StreamBody};

    use super::*;

    type Frames = Vec<Result<Frame<Bytes>, &'static str>>;

    fn wish(url: &str, headers: &[(&'static str, &str)]) -> Option<Wish> {
        let mut request = Request::new(Empty::<Bytes>::new());
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let wish = Wish::take(&mut request, &Target::parse(url).unwrap());
        assert_eq!(request.headers().get(HEADER), None);
        wish
    }

    fn within(seconds: &str) -> Wish {
        wish("http://h/a", &[("bulkhead-reuse", seconds)]).unwrap()
    }

    fn data(bytes: impl Into<Bytes>) -> Result<Frame<Bytes>, &'static str> {
        Ok(Frame::data(bytes.into()))
    }

    /// A response as a guest reads it that asked for this: what it gets of the body.
    async fn read(
        reuse: &Reuse,
        wish: Wish,
        headers: &HeaderMap,
        frames: Frames,
    ) -> Result<Bytes, &'static str> {
        let body = StreamBody::new(futures::stream::iter(frames));
        let whole = match reuse.place(wish, StatusCode::OK, headers) {
            Some(place) => Keeping::new(body, place).collect().await,
            None => body.collect().await,
        };
        whole.map(|whole| whole.to_bytes())
    }

    async fn keep(reuse: &Reuse, wish: Wish, headers: &[(&'static str, &'static str)], body: &'static str) {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        assert_eq!(read(reuse, wish, &headers.collect(), vec![data(body)]).await.unwrap(), body);
    }

    /// What answers: its age and its body.
    async fn found(reuse: &Reuse, wish: Wish) -> Option<(String, Bytes)> {
        let response = reuse.find(&wish)?;
        let age = response.headers()["age"].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap_or_else(|never: Infallible| match never {});
        Some((age, body.to_bytes()))
    }

    #[test]
    fn a_wish_is_of_a_plain_get_and_in_whole_seconds() {
        assert_eq!(within("60").within, Duration::from_secs(60));
        assert_eq!(within("601").within, LONGEST);
        assert_eq!(within("18446744073709551615").within, LONGEST);
        for none in ["", "0", "-1", "1.5", "soon", "18446744073709551616", "6é"] {
            assert!(wish("http://h/a", &[("bulkhead-reuse", none)]).is_none(), "{none}");
        }
        assert!(wish("http://h/a", &[("accept", "*/*")]).is_none());
        let target = Target::parse("http://h/a").unwrap();
        let asked = |method: &str, body: &'static str| {
            let request = Request::builder().method(method).header(HEADER, "60");
            let mut request = request.body(Full::new(Bytes::from(body))).unwrap();
            let wish = Wish::take(&mut request, &target);
            assert_eq!(request.headers().get(HEADER), None, "it goes no further");
            wish.is_some()
        };
        assert_eq!(
            [asked("GET", ""), asked("GET", "x"), asked("HEAD", ""), asked("POST", "")],
            [true, false, false, false]
        );
    }

    #[test]
    fn requests_are_alike_by_their_url_and_headers() {
        let of = |url, headers: &[(&'static str, &str)]| {
            wish(url, &[&[("bulkhead-reuse", "60")], headers].concat()).unwrap().key
        };
        let key = of("http://h/a", &[("accept", "x"), ("x-a", "1")]);
        assert_eq!(of("http://h/a", &[("x-a", "1"), ("accept", "x"), ("traceparent", "t")]), key);
        assert_eq!(
            wish("http://h/a", &[("accept", "x"), ("x-a", "1"), ("bulkhead-reuse", "9")]).unwrap().key,
            key
        );
        for (url, headers) in [
            ("http://h/b", [("accept", "x"), ("x-a", "1")]),
            ("http://h/a?b", [("accept", "x"), ("x-a", "1")]),
            ("https://h/a", [("accept", "x"), ("x-a", "1")]),
            ("http://h/a", [("accept", "y"), ("x-a", "1")]),
            ("http://h/a", [("accept", "x"), ("x-a", "2")]),
            ("http://h/a", [("accept", "x"), ("x-b", "1")]),
        ] {
            assert_ne!(of(url, &headers), key, "{url} {headers:?}");
        }
        let two = |a, b| of("http://h/a", &[("x-a", a), ("x-a", b)]);
        assert_ne!(two("1", "2"), two("2", "1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_answers_for_as_long_as_both_want() {
        let reuse = Reuse::default();
        assert_eq!(found(&reuse, within("60")).await, None);
        keep(&reuse, within("60"), &[("age", "5"), ("x-a", "b")], "hello").await;
        assert_eq!(reuse.find(&within("60")).unwrap().headers()["x-a"], "b");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(found(&reuse, within("600")).await, Some(("15".to_owned(), "hello".into())));
        assert_eq!(found(&reuse, within("10")).await, None, "too old for this one");
        tokio::time::advance(Duration::from_secs(49)).await;
        assert!(found(&reuse, within("600")).await.is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(found(&reuse, within("600")).await, None);
        // The next is kept in its place.
        keep(&reuse, within("60"), &[], "again").await;
        assert_eq!(found(&reuse, within("60")).await, Some(("0".to_owned(), "again".into())));
    }

    #[tokio::test]
    async fn what_is_not_to_be_kept_is_not() {
        let reuse = Reuse::default();
        for (name, value) in [
            ("cache-control", "no-store"),
            ("cache-control", "private, No-Store ,max-age=5"),
            ("vary", "*"),
            ("vary", "accept, *"),
        ] {
            keep(&reuse, within("60"), &[(name, value)], "x").await;
            assert_eq!(found(&reuse, within("60")).await, None, "{name}: {value}");
        }
        for status in [201, 203, 206, 304, 404, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(reuse.place(within("60"), status, &HeaderMap::new()).is_none(), "{status}");
        }
        keep(&reuse, within("60"), &[("cache-control", "no-cache, private"), ("vary", "accept")], "x").await;
        assert!(found(&reuse, within("60")).await.is_some());
    }

    #[tokio::test]
    async fn only_a_body_that_passed_whole_is_kept() {
        let (reuse, none) = (Reuse::default(), HeaderMap::new());
        let broken = vec![data("half"), Err("broke off")];
        assert_eq!(read(&reuse, within("60"), &none, broken).await, Err("broke off"));
        assert_eq!(found(&reuse, within("60")).await, None);

        let place = reuse.place(within("60"), StatusCode::OK, &none).unwrap();
        let mut left =
            Keeping::new(StreamBody::new(futures::stream::iter(vec![data("a"), data("b")])), place);
        left.frame().await.unwrap().unwrap();
        drop(left);
        assert_eq!(found(&reuse, within("60")).await, None);

        let large = vec![data(vec![b'x'; LARGEST]), data("y"), data("z")];
        assert_eq!(read(&reuse, within("60"), &none, large).await.unwrap().len(), LARGEST + 2);
        assert_eq!(found(&reuse, within("60")).await, None);
        let fits = vec![data(vec![b'x'; LARGEST - 1]), data("y")];
        assert_eq!(read(&reuse, within("60"), &none, fits).await.unwrap().len(), LARGEST);
        assert_eq!(found(&reuse, within("60")).await.unwrap().1.len(), LARGEST);

        // Who asks whether it has ended, and so does not read the end, has read it whole.
        let place = reuse.place(within("60"), StatusCode::OK, &none).unwrap();
        let mut known = Keeping::new(Full::new(Bytes::from("all")), place);
        known.frame().await.unwrap().unwrap();
        assert!(known.is_end_stream());
        assert_eq!(found(&reuse, within("60")).await.unwrap().1, "all");
    }

    #[tokio::test]
    async fn a_service_keeps_so_much_and_what_was_used_last() {
        let reuse = Reuse::default();
        let of = |n: u64| wish(&format!("http://h/{n}"), &[("bulkhead-reuse", "60")]).unwrap();
        for n in 0..=ENTRIES {
            keep(&reuse, of(n), &[], "x").await;
            assert!(reuse.find(&of(0)).is_some(), "{n}: it is used all the time");
        }
        let count = (0..=ENTRIES).filter(|n| reuse.find(&of(*n)).is_some()).count() as u64;
        assert_eq!((count, reuse.find(&of(1)).is_some()), (ENTRIES, false));
        let large = || vec![data(vec![b'x'; LARGEST])];
        for n in 1000..1005 {
            read(&reuse, of(n), &HeaderMap::new(), large()).await.unwrap();
        }
        let bytes: usize = reuse.0.get().unwrap().iter().map(|(_, known)| known.body.len()).sum();
        assert!(bytes as u64 <= KEPT, "{bytes}");
        assert!(reuse.find(&of(1004)).is_some());
    }
}
