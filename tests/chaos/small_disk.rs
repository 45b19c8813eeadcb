//! A disk of a few megabytes, which can be filled: a `tmpfs` in a mount namespace of its own, so
//! that nothing of it is left once this process is gone, however it ends.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::statvfs;

/// The process that keeps the namespace ends when its standard input does.
const HOLD: &str =
    r#"mount -t tmpfs -o "size=$1,mode=700" dkv-chaos "$0" && echo mounted && exec cat"#;

/// See the module.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    holder: Child,
    /// Where it is mounted, for those in the namespace.
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts it.
    ///
    /// # Errors
    /// Says why nothing can be mounted here.
    pub(crate) fn mount(at: &Path, bytes: u64) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| format!("{}: {error}", at.display()))?;
        let mut holder = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-c", HOLD])
            .arg(at)
            .arg(bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare cannot be started: {error}"))?;
        let said = holder.stdout.take().expect("it is piped");
        let mut line = String::new();
        let _read = BufReader::new(said).read_line(&mut line);
        if line.trim() == "mounted" {
            let at = at.to_owned();
            return Ok(Self { holder, at });
        }
        let _ended = holder.kill();
        let output = holder.wait_with_output();
        let why = output.map(|it| String::from_utf8_lossy(&it.stderr).into_owned());
        Err(format!(
            "no tmpfs can be mounted here: {}",
            why.unwrap_or_default()
        ))
    }

    /// Runs `program` where the disk is.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.holder.id().to_string();
        command.args(["-m", "-t", &holder, "--"]).arg(program);
        command
    }

    /// Where this process, outside the namespace, finds what is on the disk.
    pub(crate) fn path(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.at.strip_prefix("/").unwrap_or(&self.at))
    }

    /// Takes all the room there is.
    pub(crate) fn fill(&self) {
        let ballast = std::fs::File::create(self.path().join("ballast"));
        let mut ballast = ballast.expect("a file can be made on a disk with room");
        let zeros = vec![0; 1 << 20];
        while ballast.write_all(&zeros).is_ok() {}
        while ballast.write_all(&[0]).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        let removed = std::fs::remove_file(self.path().join("ballast"));
        removed.expect("what takes the room can be removed");
    }

    /// Bytes left.
    pub(crate) fn left(&self) -> u64 {
        let stat = statvfs(self.path().as_path()).expect("a mounted disk can be asked");
        stat.f_bavail * stat.f_frsize
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ended = self.holder.wait();
    }
}
