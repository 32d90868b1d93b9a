//! The cache, with runs that the tests count and hold up.

use std::sync::atomic::AtomicUsize;

use bytesize::ByteSize;
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::Notify;

use super::*;
use crate::request::Content;

const TTL: Option<Duration> = Some(Duration::from_secs(60));

fn cache(max_bytes: ByteSize) -> ResultCache {
    ResultCache::new(Some(CacheLimits { max_bytes, max_ttl: Duration::from_secs(3600) }))
}

fn key(tenant: &str, revision: &Revision, arguments: &Value) -> Key {
    Key::new(tenant.into(), "svc", revision, "get", arguments)
}

fn output(text: impl Into<String>) -> ToolOutput {
    ToolOutput { content: vec![Content::Text(text.into())], structured: None, meta: None }
}

/// Runs a call that answers `text`; gives the answer, and where it came from.
async fn call(cache: &ResultCache, key: &Key, ttl: Option<Duration>, text: &str) -> (String, Hit) {
    let (output, hit) = cache.run(|| key.clone(), ttl, async || Ok(output(text))).await.unwrap();
    let Content::Text(text) = &output.content[0] else { panic!() };
    (text.clone(), hit)
}

fn failed() -> CallError {
    CallError::Failed("no".into())
}

#[tokio::test(start_paused = true)]
async fn a_result_is_used_again_until_its_time_is_over() {
    let (cache, key) = (cache(ByteSize::mib(1)), key("a", &Revision::new(), &json!({})));
    assert_eq!(call(&cache, &key, TTL, "one").await, ("one".into(), Hit::Miss));
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(call(&cache, &key, TTL, "two").await, ("one".into(), Hit::Hit));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(call(&cache, &key, TTL, "three").await, ("three".into(), Hit::Miss));
    assert_eq!(call(&cache, &key, TTL, "four").await, ("three".into(), Hit::Hit));
}

#[tokio::test(start_paused = true)]
async fn no_result_is_kept_longer_than_the_operator_says() {
    let (cache, key) = (cache(ByteSize::mib(1)), key("a", &Revision::new(), &json!({})));
    call(&cache, &key, Some(Duration::from_secs(1 << 20)), "one").await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(call(&cache, &key, TTL, "two").await.1, Hit::Miss);
}

#[tokio::test]
async fn the_order_of_arguments_does_not_matter_and_their_values_do() {
    let (cache, revision) = (cache(ByteSize::mib(1)), Revision::new());
    let key = |text: &str| key("a", &revision, &serde_json::from_str(text).unwrap());
    call(&cache, &key(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#), TTL, "one").await;
    assert_eq!(call(&cache, &key(r#"{"b":{"d":3,"c":2},"a":1}"#), TTL, "two").await.1, Hit::Hit);
    assert_eq!(call(&cache, &key(r#"{"a": "1", "b": {"c": 2, "d": 3}}"#), TTL, "two").await.1, Hit::Miss);
}

#[tokio::test]
async fn a_change_of_the_service_ends_its_results() {
    let (cache, revision) = (cache(ByteSize::mib(1)), Revision::new());
    let key = || key("a", &revision, &json!({}));
    call(&cache, &key(), TTL, "one").await;
    let before = key();
    let change = revision.change();
    assert_eq!(call(&cache, &key(), TTL, "two").await.1, Hit::Hit);
    drop(change); // whether the call succeeded, failed or was dropped
    assert_eq!(call(&cache, &key(), TTL, "three").await, ("three".into(), Hit::Miss));
    // What was read while the change went on is not seen by those who come after it.
    call(&cache, &before, TTL, "four").await;
    assert_eq!(call(&cache, &key(), TTL, "five").await, ("three".into(), Hit::Hit));
}

#[test]
fn no_two_revisions_are_the_same() {
    let (a, b) = (Revision::new(), Revision::default());
    assert_ne!(a.current(), b.current());
    let before = a.current();
    drop(a.change());
    assert!(a.current() > b.current() && a.current() > before);
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not_kept() {
    let key = key("a", &Revision::new(), &json!({}));
    let on = cache(ByteSize::mib(1));
    for ttl in [None, Some(Duration::ZERO)] {
        assert_eq!(call(&on, &key, ttl, "one").await.1, Hit::Bypass);
        assert_eq!(call(&on, &key, ttl, "two").await, ("two".into(), Hit::Bypass));
    }
    let off = ResultCache::new(None);
    assert_eq!(call(&off, &key, TTL, "one").await.1, Hit::Bypass);
    assert_eq!(call(&off, &key, TTL, "two").await, ("two".into(), Hit::Bypass));
}

#[tokio::test]
async fn errors_and_large_results_are_not_kept() {
    let (cache, key) = (cache(ByteSize::mib(1)), key("a", &Revision::new(), &json!({})));
    let error = cache.run(|| key.clone(), TTL, async || Err(failed())).await.unwrap_err();
    assert_eq!(error.reason(), "failed");
    let large = "x".repeat(128 << 10);
    assert_eq!(call(&cache, &key, TTL, &large).await.1, Hit::Miss);
    assert_eq!(call(&cache, &key, TTL, "small").await, ("small".into(), Hit::Miss));
    assert_eq!(call(&cache, &key, TTL, "other").await, ("small".into(), Hit::Hit));
    assert_eq!(cache.0.unwrap().flights.members(&key), 0);
}

/// Starts this many equal calls; the first stands still until `go`, and then ends as `first` says.
async fn together(
    calls: usize,
    go: Arc<Notify>,
    first: Option<Result<ToolOutput, CallError>>,
) -> (Arc<ResultCache>, Key, Arc<AtomicUsize>, Vec<tokio::task::JoinHandle<Result<Hit, CallError>>>) {
    let cache = Arc::new(cache(ByteSize::mib(1)));
    let key = key("a", &Revision::new(), &json!({}));
    let runs = Arc::new(AtomicUsize::new(0));
    let first = Arc::new(std::sync::Mutex::new(first));
    let mut tasks = Vec::new();
    for _ in 0..calls {
        let (cache, key, runs, first, go) =
            (cache.clone(), key.clone(), runs.clone(), first.clone(), go.clone());
        tasks.push(tokio::spawn(async move {
            let run = async || {
                if runs.fetch_add(1, Ordering::SeqCst) > 0 {
                    return Ok(output("again"));
                }
                go.notified().await;
                let first = first.lock().unwrap().take();
                first.unwrap_or_else(|| Ok(output("first")))
            };
            cache.run(|| key.clone(), TTL, run).await.map(|(_, hit)| hit)
        }));
    }
    // On one thread each task runs until it waits: all stand in line once this one is run again.
    while cache.0.as_ref().unwrap().flights.members(&key) < calls {
        tokio::task::yield_now().await;
    }
    (cache, key, runs, tasks)
}

#[tokio::test]
async fn equal_calls_at_one_moment_run_once() {
    let go = Arc::new(Notify::new());
    let (cache, key, runs, tasks) = together(50, go.clone(), None).await;
    go.notify_one();
    let mut hits = Vec::new();
    for task in tasks {
        hits.push(task.await.unwrap().unwrap());
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(hits.iter().filter(|hit| **hit == Hit::Miss).count(), 1);
    assert_eq!(cache.0.as_ref().unwrap().flights.members(&key), 0);
}

#[tokio::test]
async fn a_result_too_large_to_keep_is_shared_all_the_same() {
    let go = Arc::new(Notify::new());
    let large = output("x".repeat(1 << 20));
    let (_, _, runs, tasks) = together(5, go.clone(), Some(Ok(large))).await;
    go.notify_one();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_that_fails_does_not_fail_the_others() {
    let go = Arc::new(Notify::new());
    let (_, _, runs, tasks) = together(5, go.clone(), Some(Err(failed()))).await;
    go.notify_one();
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.unwrap().map_err(|error| error.reason()));
    }
    assert_eq!(ended, [Err("failed"), Ok(Hit::Miss), Ok(Hit::Hit), Ok(Hit::Hit), Ok(Hit::Hit)]);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_does_not_stop_the_others() {
    let go = Arc::new(Notify::new());
    let (cache, key, runs, mut tasks) = together(4, go, None).await;
    let first = tasks.remove(0);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let mut hits = Vec::new();
    for task in tasks {
        hits.push(task.await.unwrap().unwrap());
    }
    assert_eq!(hits, [Hit::Miss, Hit::Hit, Hit::Hit]);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(cache.0.as_ref().unwrap().flights.members(&key), 0);
}

#[tokio::test]
async fn a_tenant_has_a_quarter_and_pushes_out_its_own() {
    let (cache, revision) = (cache(ByteSize::mib(1)), Revision::new());
    let quiet = key("quiet", &revision, &json!({}));
    call(&cache, &quiet, TTL, "kept").await;
    let text = "x".repeat(32 << 10);
    for n in 0..100 {
        call(&cache, &key("loud", &revision, &json!(n)), TTL, &text).await;
    }
    let kept = cache.0.as_ref().unwrap();
    kept.results.run_pending_tasks();
    assert!((192 << 10..=256 << 10).contains(&kept.ledger.weight("loud")), "{}", kept.ledger.weight("loud"));
    assert_eq!(kept.results.weighted_size(), kept.ledger.weight("loud") + kept.ledger.weight("quiet"));
    assert_eq!(call(&cache, &quiet, TTL, "new").await, ("kept".into(), Hit::Hit));
    assert_eq!(call(&cache, &key("loud", &revision, &json!(99)), TTL, "new").await.1, Hit::Hit);
    assert_eq!(call(&cache, &key("loud", &revision, &json!(0)), TTL, "new").await.1, Hit::Miss);
}

#[tokio::test]
async fn all_tenants_together_stay_within_the_memory() {
    let (cache, revision) = (cache(ByteSize::mib(1)), Revision::new());
    let text = "x".repeat(32 << 10);
    for tenant in 0..10 {
        for n in 0..7 {
            call(&cache, &key(&format!("t{tenant}"), &revision, &json!(n)), TTL, &text).await;
        }
    }
    let kept = cache.0.as_ref().unwrap();
    kept.results.run_pending_tasks();
    assert!(kept.results.weighted_size() <= 1 << 20);
    let ledger: u64 = (0..10).map(|tenant| kept.ledger.weight(&format!("t{tenant}"))).sum();
    assert_eq!(ledger, kept.results.weighted_size());
}

proptest! {
    /// Each call's own result names whom and what it is for, and nobody ever gets another's.
    #[test]
    fn nobody_gets_the_result_of_another(
        calls in proptest::collection::vec(("[ab]{0,2}", "[ab]{0,2}", "[ab]{0,2}", "[ab]{0,2}", 0..2_usize), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let cache = cache(ByteSize::mib(1));
            let revisions = [Revision::new(), Revision::new()];
            for (tenant, service, tool, argument, revision) in calls {
                let key = Key::new(
                    tenant.as_str().into(), &service, &revisions[revision], &tool, &json!({"a": argument}),
                );
                let own = format!("{tenant}/{service}/{tool}/{argument}/{revision}");
                assert_eq!(call(&cache, &key, TTL, &own).await.0, own);
            }
        });
    }
}
