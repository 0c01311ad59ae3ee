//! The program under load is killed or stopped at any moment, again and again on one volume, and has kept its word.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::chance::{self, Chance, ROUNDS};
use crate::check::{Check, Ending, Extent};
use crate::clients::{Acknowledged, Client, World};
use crate::disk::{Disk, Left};
use crate::images::{Blob, Image, Pooled};
use crate::model::{Model, look};
use crate::pushes;
use crate::support::{Start, Wharf};
use crate::wire::Wire;

/// Clients at once, each with one request under way.
const CLIENTS: usize = 6;
const REPOSITORIES: [&str; 3] = ["crash/one", "crash/two", "other"];

/// How long the clients are at work, in milliseconds.
const AT_WORK: (usize, usize) = (20, 600);

/// How much longer they may be at work if nothing is acknowledged.
const A_WHILE: Duration = Duration::from_millis(500);

#[test]
fn what_was_acknowledged_survives_kills_at_any_moment() {
    Run::new(Ending::Kill).rounds(chance::times(ROUNDS));
}

#[test]
fn what_was_acknowledged_survives_stops_at_any_moment() {
    Run::new(Ending::Stop).rounds(chance::times(ROUNDS / 2));
}

/// Many rounds on one volume. It says where it is if it fails.
struct Run {
    seed: u64,
    chance: Chance,
    ending: Ending,
    world: World,
    news: Receiver<Acknowledged>,
    disk: Disk,
    /// How often the program was ended.
    ends: usize,
    moment: Duration,
    /// How many blobs that were acknowledged were gone.
    gone: usize,
    /// How many things the clients did.
    done: usize,
    /// What it logged before it was ended last.
    log: String,
    left: Left,
    running: Option<Wharf>,
}

impl Drop for Run {
    #[expect(clippy::print_stderr, reason = "it is what the person needs who looks at a failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in round {} of {:?}, WHARF_CRASH_SEED={}", self.ends, self.ending, self.seed);
            eprintln!("it was ended last after {:?} of work, having logged:\n{}", self.moment, tail(&self.log));
            if let Some(wharf) = &mut self.running {
                let status = wharf.child().try_wait();
                eprintln!("the one that runs ({status:?}) logged:\n{}", tail(&wharf.log()));
            }
        }
    }
}

/// The last lines.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

impl Run {
    fn new(ending: Ending) -> Run {
        let seed = chance::seed();
        let mut chance = Chance::new(seed);
        let mut model = Model::new(&REPOSITORIES);
        let mut pooled = |large: bool| {
            let mut blobs = vec![Blob::small(&mut chance), Blob::small(&mut chance)];
            blobs.extend(large.then(|| Blob::large(&mut chance)));
            Pooled { number: model.add(Image::of(&blobs)), blobs }
        };
        let pool = vec![pooled(false), pooled(false), pooled(false), pooled(true)];
        let repositories = REPOSITORIES.map(str::to_owned).to_vec();
        let (sender, news) = mpsc::channel();
        let world = World { model: Mutex::new(model), pool, repositories, news: sender };
        Run {
            seed,
            chance,
            ending,
            world,
            news,
            disk: Disk::default(),
            ends: 0,
            moment: Duration::ZERO,
            gone: 0,
            done: 0,
            log: String::new(),
            left: Left::default(),
            running: None,
        }
    }

    #[expect(clippy::print_stdout, reason = "the seed repeats the run, the counts say that it did something")]
    fn rounds(&mut self, rounds: usize) {
        println!("{rounds} rounds of {:?}, WHARF_CRASH_SEED={}", self.ending, self.seed);
        let begun = Instant::now();
        let mut start = Wharf::prepare();
        for _ in 0..rounds {
            self.start(start, Extent::Sample);
            start = self.work_until_the_end();
        }
        let address = self.start(start, Extent::All);
        self.push_everything_again(&address);
        let (done, gone, left, took) = (self.done, self.gone, &self.left, begun.elapsed());
        println!("{done} things done, {gone} acknowledged blobs gone, left over: {left:?}; {took:.1?}");
        assert!(self.done > rounds, "the clients do something");
    }

    /// Starts it, sometimes twice, and checks that all is well. Returns its address.
    fn start(&mut self, start: Start, extent: Extent) -> String {
        if self.ending == Ending::Stop {
            let left = self.disk.check(start.volume());
            assert_eq!(left.temporary, 0, "{left:?} after {} ends", self.ends);
        }
        let mut wharf = start.go();
        if self.ending == Ending::Kill && self.chance.one_in(5) {
            wharf = wharf.crash_and_restart();
        }
        self.left = self.disk.check(wharf.volume());
        let address = wharf.address().to_owned();
        self.running = Some(wharf);
        let mut wire = Wire::new(&address);
        let mut model = look(&self.world.model);
        let (ending, chance) = (self.ending, &mut self.chance);
        self.gone += Check { wire: &mut wire, chance, ending, extent }.run(&mut model);
        self.left.is_bounded(ending, self.ends, &model);
        // One that goes on after several ends is as good as one that goes on at once.
        let (now, later) = model.pending.drain(..).partition(|_| !self.chance.one_in(4));
        model.pending = later;
        let now: Vec<pushes::Pending> = now;
        for pending in now {
            pushes::go_on(&mut wire, &mut self.chance, pending).expect("the server stays");
        }
        address
    }

    /// Lets the clients work, and ends the program while they do.
    fn work_until_the_end(&mut self) -> Start {
        let mut wharf = self.running.take().unwrap();
        self.ends += 1;
        self.moment = Duration::from_millis(self.chance.between(AT_WORK.0, AT_WORK.1) as u64);
        let (world, address) = (&self.world, wharf.address().to_owned());
        let clients: Vec<Client<'_>> =
            (0..CLIENTS).map(|_| Client { world, wire: Wire::new(&address), chance: self.chance.fork() }).collect();
        let kinds = [Acknowledged::Blob, Acknowledged::Manifest, Acknowledged::Deletion];
        let awaited = (!self.chance.one_in(4)).then(|| *self.chance.pick(&kinds));
        let (ending, moment, news) = (self.ending, self.moment, &self.news);
        let (done, log, start) = std::thread::scope(|scope| {
            let at_work: Vec<_> = clients.into_iter().map(|mut client| scope.spawn(move || client.run())).collect();
            // Not an event that could be waited for: any moment will do, and this is it.
            std::thread::sleep(moment);
            if let Some(awaited) = awaited {
                just_after(news, awaited);
            }
            if ending == Ending::Stop {
                let pid = Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap();
                kill_process(pid, Signal::TERM).unwrap();
                assert_eq!(wharf.child().wait().unwrap().code(), Some(0), "it stops well: {}", wharf.log());
            }
            wharf.child().kill().unwrap();
            let done = at_work.into_iter().map(|client| client.join().expect("a client found something wrong")).sum();
            let done: usize = done;
            (done, wharf.log(), wharf.crash())
        });
        self.log = log;
        self.done += done;
        assert!(!self.log.contains("panicked"), "{}", self.log);
        start
    }

    /// Everything can be pushed everywhere.
    fn push_everything_again(&mut self, address: &str) {
        let mut client = Client { world: &self.world, wire: Wire::new(address), chance: self.chance.fork() };
        for repository in REPOSITORIES {
            for pooled in &self.world.pool {
                assert!(client.push_pooled(repository, pooled).is_ok(), "the server stays");
            }
        }
    }
}

/// Waits for the next acknowledgement of a kind: what was answered too early is not done in the moment after it.
fn just_after(news: &Receiver<Acknowledged>, awaited: Acknowledged) {
    news.try_iter().for_each(drop);
    let until = Instant::now() + A_WHILE;
    while news.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok_and(|came| came != awaited) {}
}

impl Left {
    /// Each kill may leave what each client had under way, and no more. A stop leaves uploads that clients go on with.
    fn is_bounded(&self, ending: Ending, ends: usize, model: &Model) {
        let under_way = match ending {
            Ending::Kill => ends * CLIENTS * 2,
            Ending::Stop => 0,
        };
        // After a stop it was looked for before the start: the server that has just been started may be writing some.
        assert!(ending == Ending::Stop || self.temporary <= under_way, "{self:?} after {ends} ends");
        assert!(self.uploads <= under_way + model.pending.len(), "{self:?} after {ends} ends");
        let referrers = model.images.iter().filter(|image| image.subject.is_some()).count();
        let looked = 2 * model.repositories.len();
        // A few more, for what the registry keeps for itself.
        assert!(self.own <= referrers + looked + under_way + 32, "{self:?} with {referrers} referrers");
    }
}
