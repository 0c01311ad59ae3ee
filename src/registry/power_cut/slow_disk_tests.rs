//! A disk that hangs keeps those waiting who need it, and nobody else.

use std::io;
use std::sync::{Arc, Condvar, Mutex};

use crate::registry::{Registry, Settings};
use crate::storage::{self, Call, Filesystem, Watch};

use super::client::{Client, How, Step, name};
use super::images::blob;
use super::replay::space;

/// Lets nobody look at or write below a path until it is opened.
#[derive(Debug, Default)]
struct Gate {
    /// Whether it is open, and how many wait.
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }

    fn wait_for(&self, many: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |(_, waiting)| *waiting < many).unwrap());
    }
}

impl Watch for Gate {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        let (Call::Open(path)
        | Call::Stat(path)
        | Call::List(path)
        | Call::Read(path)
        | Call::MakeDirectory(path)
        | Call::Create(path)
        | Call::Append(path, _)
        | Call::SyncFile(path)) = call
        else {
            return Ok(());
        };
        if path.to_string_lossy().contains("/slow/") {
            let mut state = self.state.lock().unwrap();
            state.1 += 1;
            self.changed.notify_all();
            drop(self.changed.wait_while(state, |(open, _)| !*open).unwrap());
        }
        Ok(())
    }
}

/// As many threads as `cli::serve` has at least.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_wait_for_a_disk_that_hangs_keep_no_others_waiting() {
    let (directory, gate) = (space(), Arc::new(Gate::default()));
    let settings = storage::Settings::of(directory.path());
    let storage = Filesystem::open_watched(&settings, Arc::clone(&gate) as Arc<_>).unwrap();
    let registry = Registry::new(Arc::new(storage), Settings::default());
    let client = Client { registry, recorder: None, repeats: false };
    let hanging: Vec<_> = (0..8)
        .map(|number| {
            let (client, content) = (client.clone(), blob(&format!("slow {number}"), 1000));
            tokio::spawn(async move { client.run(&[Step::Blob("slow", content, How::Whole)]).await })
        })
        .collect();
    let waiting = Arc::clone(&gate);
    tokio::task::spawn_blocking(move || waiting.wait_for(8)).await.unwrap();

    let content = blob("quick", 100_000);
    client.run(&[Step::Blob("quick", content.clone(), How::Whole)]).await.unwrap();
    assert_eq!(client.registry.stat_blob(&name("quick"), &content.digest).await.unwrap(), 100_000);
    assert!(hanging.iter().all(|request| !request.is_finished()));

    gate.open();
    for request in hanging {
        request.await.unwrap().unwrap();
    }
    client.registry.finish().await;
}
