//! A bash session in which commands run one after the other, as a person types them.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::PATIENCE;

/// Written after each command, around its exit code; no command says it by itself.
const MARK: char = '\u{1}';

/// A session; variables and background jobs last as long as it does.
pub(crate) struct Shell {
    child: Child,
    stdin: ChildStdin,
    output: Receiver<Vec<u8>>,
    unread: String,
}

impl Shell {
    /// Starts a session in a folder, with the binary under test as `dkv`.
    pub(crate) fn start(folder: &Path) -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_dkv"));
        let mut path = binary
            .parent()
            .expect("a binary is in a folder")
            .as_os_str()
            .to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut child = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(folder)
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is installed");
        let mut stdout = child.stdout.take().expect("it was asked to be piped");
        let stdin = child.stdin.take().expect("it was asked to be piped");
        let (sender, output) = sync_channel(1_024);
        thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut shell = Self {
            child,
            stdin,
            output,
            unread: String::new(),
        };
        shell.write("exec 2>&1\n");
        shell
    }

    /// Points later commands at an endpoint.
    pub(crate) fn set_endpoint(&mut self, endpoint: &str) {
        self.write(&format!("export DKV_ENDPOINTS={endpoint}\n"));
    }

    /// Types a command. `$?` is that of the command before; standard input is empty.
    pub(crate) fn begin(&mut self, command: &str) {
        self.write(&format!(
            "{{\n{command}\n}} </dev/null\n\
             __code=$?; printf '\\001%s\\001' \"$__code\"; (exit \"$__code\")\n"
        ));
    }

    /// Waits for the end of the oldest command still running: what it said, and its exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> (String, i32) {
        loop {
            let mut parts = self.unread.splitn(3, MARK);
            if let (Some(said), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next())
            {
                let found = (said.to_owned(), code.parse().expect("bash wrote a number"));
                self.unread = rest.to_owned();
                return found;
            }
            let Ok(bytes) = self.output.recv_timeout(PATIENCE) else {
                panic!("the command did not end; it said:\n{}", self.unread);
            };
            self.unread.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Runs one command to its end.
    #[track_caller]
    pub(crate) fn run(&mut self, command: &str) -> (String, i32) {
        self.begin(command);
        self.end()
    }

    fn write(&mut self, text: &str) {
        self.stdin
            .write_all(text.as_bytes())
            .expect("the shell still listens");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
