//! The host's own line, from credentials to record, without a transport around it.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bulkhead::{
    app,
    ask::Accepts,
    call::Host,
    config::load,
    operation::Operation,
    request::{CallId, CallRequest, Credentials, Events, Scope, Via},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Microseconds of one call through [`Host::call`], the median of many, and calls per second of `callers` at
/// once.
pub(crate) fn measure(component: &Path, callers: usize) -> (f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bench.yaml");
    let text = format!(
        "components: {{ cache: false }}\ntenants: {{ bench: {{ services: {{ bench: {{ component: '{}' }} }} }} }}",
        component.display()
    );
    std::fs::write(&file, text).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let host = Arc::new(runtime.block_on(app::build(load::file(&file).unwrap())).unwrap());
    let alone = host.clone();
    let measured = runtime.spawn(async move {
        let host = alone;
        let mut took = Vec::new();
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            let start = Instant::now();
            once(&host, Credentials::Local).await;
            took.push(start.elapsed());
        }
        took.sort_unstable();
        took[took.len() / 2].as_secs_f64() * 1e6
    });
    let one = runtime.block_on(measured).unwrap();
    let end = Instant::now() + Duration::from_secs(2);
    let calling = |host: Arc<Host>| async move {
        let mut calls = 0_u32;
        while Instant::now() < end {
            once(&host, Credentials::Local).await;
            calls += 1;
            tokio::task::yield_now().await;
        }
        calls
    };
    let callers: Vec<_> = (0..callers).map(|_| runtime.spawn(calling(host.clone()))).collect();
    let calls: u32 = callers.into_iter().map(|caller| runtime.block_on(caller).unwrap()).sum();
    (one, f64::from(calls) / 2.0)
}

/// One call, with these credentials.
pub(crate) async fn once(host: &Host, credentials: Credentials) {
    let arguments = json!({ "a": 1, "b": 2 });
    let request = CallRequest {
        id: CallId::new(),
        credentials,
        scope: Scope::all(),
        operation: Operation::CallTool {
            name: "bench_add".into(),
            arguments: arguments.as_object().unwrap().clone(),
        },
        answers: None,
        accepts: Accepts::default(),
        traceparent: None,
        via: Via::default(),
        events: Events::none(),
        cancelled: CancellationToken::new(),
    };
    host.call(request).await.unwrap();
}
