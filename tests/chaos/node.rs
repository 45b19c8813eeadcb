//! One process of the built binary, and what can be done to it.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::PATIENCE;
use crate::fake_clock::FakeClock;
use crate::inject::{Defect, Injection};
use crate::settings::Settings;
use crate::small_disk::SmallDisk;

/// A node; killed when dropped.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// Where clients reach it, over all its lives.
    pub(crate) address: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: PathBuf,
    /// If its calendar can be moved.
    pub(crate) clock: Option<FakeClock>,
    /// If its disk can be filled.
    pub(crate) disk: Option<SmallDisk>,
    child: Option<Child>,
    is_stopped: bool,
    lives: u32,
}

impl Node {
    pub(crate) fn new(name: String, address: String, arguments: Vec<String>, run: &Path) -> Self {
        let folder = run.join(&name);
        std::fs::create_dir_all(&folder).expect("a folder for a node can be made");
        Self {
            name,
            address,
            arguments,
            folder,
            clock: None,
            disk: None,
            child: None,
            is_stopped: false,
            lives: 0,
        }
    }

    /// Starts it, on what it kept.
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("the log of a node can be written");
        let mut command = self.command();
        command
            .args(["serve", "--listen", &self.address, "--data-dir"])
            .arg(self.folder.join("data"))
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(log);
        self.child = Some(command.spawn().expect("the binary can be started"));
        self.lives += 1;
    }

    /// The binary under test, with the clock and on the disk that are this node's.
    fn command(&self) -> Command {
        let mut command = match &self.disk {
            Some(disk) => disk.command(&Settings::binary()),
            None => Command::new(Settings::binary()),
        };
        clean(&mut command);
        if let Some(clock) = &self.clock {
            clock.wind(&mut command);
        }
        command
    }

    /// Where its data is, for this process.
    pub(crate) fn data(&self) -> PathBuf {
        let disk = self.disk.as_ref().map(SmallDisk::path);
        disk.unwrap_or_else(|| self.folder.join("data"))
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// Says how its log ends, if it ended or is stuck.
    pub(crate) fn wait_ready(&mut self) -> Result<(), String> {
        let began = Instant::now();
        let lives = usize::try_from(self.lives).expect("a count fits memory");
        loop {
            let said = self.said();
            if said.matches("dkv ready: listening on").count() >= lives {
                return Ok(());
            }
            let child = self.child.as_mut().expect("it was started");
            let ended = child.try_wait().expect("a child can be asked");
            let stuck = began.elapsed() > PATIENCE;
            if ended.is_some() || stuck {
                let name = &self.name;
                return Err(format!(
                    "{name} is not ready ({ended:?}); its log ends:\n{}",
                    tail(&said)
                ));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a crash of the process does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child of this test can be killed");
            child.wait().expect("a child can be waited for");
        }
        self.is_stopped = false;
        self.forgive_unready();
    }

    /// The same while one of its calls is held up: what holds it up lets go only once it is to end.
    pub(crate) fn kill_held(&mut self, injection: Injection) {
        self.signal(Signal::KILL);
        injection.kill();
        self.kill();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(&mut self) {
        self.signal(Signal::TERM);
        let Some(mut child) = self.child.take() else {
            return;
        };
        let began = Instant::now();
        while child.try_wait().expect("a child can be asked").is_none() {
            assert!(began.elapsed() < PATIENCE, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(10));
        }
        self.forgive_unready();
    }

    /// A life that ended before it was ready never said so.
    fn forgive_unready(&mut self) {
        let said = self.said();
        let ready = said.matches("dkv ready: listening on").count();
        self.lives = u32::try_from(ready).expect("a count is small");
    }

    /// Holds it where it is: it keeps its connections, and answers nobody.
    pub(crate) fn pause(&mut self) {
        self.signal(Signal::STOP);
        self.is_stopped = true;
    }

    /// Lets it go on, as if nothing had happened.
    pub(crate) fn resume(&mut self) {
        self.go_on();
        self.is_stopped = false;
    }

    /// The same, while others look at it.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until it has ended, which nobody asked it to; how, and what it said last.
    ///
    /// # Errors
    /// If it goes on.
    pub(crate) async fn end_by_itself(&mut self) -> Result<(ExitStatus, String), String> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let child = self.child.as_mut().expect("it was started");
            if let Some(ended) = child.try_wait().expect("a child can be asked") {
                self.child = None;
                self.forgive_unready();
                return Ok((ended, tail(&self.said())));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("{} goes on", self.name))
    }

    /// Lets a defect befall its system calls.
    ///
    /// # Errors
    /// Says why that is not possible.
    pub(crate) fn inject(&self, defect: Defect) -> Result<Injection, String> {
        let child = self.child.as_ref();
        let child = child.ok_or_else(|| format!("{} does not run", self.name))?;
        Injection::into(Pid::from_child(child), defect, &self.folder)
    }

    /// Asks it to look at its certificates: it has none, and says so in its log.
    pub(crate) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Takes everything from it that it ever stored.
    pub(crate) fn wipe(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.name);
        let gone = std::fs::remove_dir_all(self.data());
        gone.expect("the data of a node can be removed");
    }

    pub(crate) fn runs(&self) -> bool {
        self.child.is_some()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_stopped
    }

    /// How it ended by itself, if it did: nobody asked it to.
    pub(crate) fn ended_by_itself(&mut self) -> Option<String> {
        let ended = self.child.as_mut()?.try_wait().ok().flatten()?;
        let said = self.said();
        Some(format!(
            "{} ended by itself ({ended}); its log ends:\n{}",
            self.name,
            tail(&said)
        ))
    }

    /// True if it ever said that it panicked.
    pub(crate) fn panicked(&self) -> bool {
        self.said().contains("panicked at")
    }

    /// Its log, of all its lives.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            let signalled = kill_process(Pid::from_child(child), signal);
            signalled.expect("a child of this test can be signalled");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The binary under test, as whoever types a command.
pub(crate) fn dkv() -> Command {
    let mut command = Command::new(Settings::binary());
    clean(&mut command);
    command
}

/// No setting of the surrounding environment, but which defect a build for mutants is to have.
fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DKV_") && name != "DKV_MUTANT" {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
}

fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A lock on a port number among the tests of this machine: held while the file is open.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _claim: File,
}

impl Port {
    /// A port that is free, that no system hands out by itself, and that no other run takes.
    pub(crate) fn claim() -> Self {
        let folder = std::env::temp_dir().join("dkv-chaos-ports");
        std::fs::create_dir_all(&folder).expect("a folder for claims can be made");
        for number in 20_000..28_000 {
            let claim = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(folder.join(number.to_string()))
                .expect("a claim can be written");
            let is_mine = claim.try_lock().is_ok();
            if is_mine && std::net::TcpListener::bind(("127.0.0.1", number)).is_ok() {
                let _claim = claim;
                return Self { number, _claim };
            }
        }
        panic!("no port is free between 20000 and 28000");
    }
}
