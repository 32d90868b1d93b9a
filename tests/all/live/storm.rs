//! Many calls while components and configuration change: none fails. `make bench` has the large one.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::json;

use crate::support::{Server, component};

const CLIENTS: usize = 8;
const CHANGES: usize = 12;

/// The same component with another digest: a section of its own at the end.
fn variant(wasm: &[u8], number: u8) -> Vec<u8> {
    [wasm, &[0, 3, 1, b'v', number]].concat()
}

/// What the process has open.
fn descriptors(server: &Server) -> usize {
    fs::read_dir(Path::new("/proc").join(server.id().to_string()).join("fd")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_fails_while_everything_is_swapped() {
    let dir = tempfile::tempdir().unwrap();
    let wasm = fs::read(component("add")).unwrap();
    let file = dir.path().join("calc.wasm");
    fs::write(&file, variant(&wasm, 0)).unwrap();
    let config = |number: usize| {
        let cpu = 5 + number;
        format!(
            "components: {{ cache_dir: {}/cache }}\ntenants: {{ t: {{ services: {{ calc: {{ component: '{}', limits: \
             {{ cpu: {cpu}s }} }}, utilities: {{}} }} }} }}\n",
            dir.path().display(),
            file.display()
        )
    };
    let server = Server::start(&config(0));
    server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut connected = Vec::new();
    for _ in 0..CLIENTS {
        let client = server.client();
        client.ok("calc_add", json!({ "a": 1, "b": 2 })).await; // keeps its connection
        connected.push(client);
    }
    let clients: Vec<_> = connected
        .into_iter()
        .map(|client| {
            let (stop, calls) = (stop.clone(), calls.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    // Whatever is not the sum ends the test.
                    assert_eq!(client.ok("calc_add", json!({ "a": 1, "b": 2 })).await, json!({ "sum": 3 }));
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let before = descriptors(&server);
    tokio::task::block_in_place(|| {
        for number in 1..=CHANGES {
            let mark = server.mark();
            // In place, so that it is half written for a moment, and by another name, as installers do.
            let new = variant(&wasm, u8::try_from(number % 4).unwrap());
            if number % 2 == 0 {
                fs::write(&file, new).unwrap();
            } else {
                fs::write(dir.path().join("new"), new).unwrap();
                fs::rename(dir.path().join("new"), &file).unwrap();
            }
            server.in_force_after(mark);
            assert_eq!(server.edit(&config(number))["loaded"], "t/calc");
        }
    });
    // A file that is being read, or a lock being written, is open for a moment.
    let mut after = descriptors(&server);
    for _ in 0..1000 {
        if after <= before {
            break;
        }
        server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
        after = descriptors(&server);
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    assert!(calls.load(Ordering::SeqCst) > CLIENTS * CHANGES);
    assert!(after <= before, "{after} descriptors, and {before} before");
}
