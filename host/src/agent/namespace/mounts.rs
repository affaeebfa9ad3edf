//! The files of a namespace: a root of its own with fixed places, in which the system's programs and what is exposed
//! are read-only, and nothing else of the machine is there.
//!
//! ```text
//! /wassert        the run's folder: workspace, home, tmp          (writable)
//! /tmp /var/tmp   the same as /wassert/tmp                        (writable)
//! /dev/shm        memory                                          (writable)
//! /usr /bin …     the system's programs, as they are
//! /etc            what programs need to know of the system; no configuration of agents
//! /proc /sys /dev of this namespace
//! ```

use std::io::Write as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};

use super::enter::at;
use super::message::{Exposed, Plan, Refusal};

/// Where the run's folder is seen.
pub(super) const RUN: &str = "/wassert";

/// Folders with the system's programs, where a system has them.
const PROGRAMS: [&str; 10] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu"];

/// Places inside that are not the machine's: nothing of the machine can be seen at the same path below them.
const OWN_PLACES: [&str; 7] = ["/var/tmp", "/run", "/dev", "/proc", "/sys", "/etc", RUN];

/// What programs ask of `/etc`. Configuration of agents, of git and of shells is not among it.
const SYSTEM_FILES: [&str; 28] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "default",
    "fonts",
    "host.conf",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "mime.types",
    "os-release",
    "pki",
    "protocols",
    "rpc",
    "services",
    "shells",
    "ssl",
    "static",
    "terminfo",
    "timezone",
];

/// Writable by whoever owns them, and the owner is who started this: root's are closed for good.
const KERNEL_SETTINGS: [&str; 7] = ["sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi"];

/// Whether a path of the machine is seen inside at the same path, once it is exposed.
pub(super) fn keeps_its_path(path: &Path) -> bool {
    let is_whole = ["/", "/tmp", "/var"].iter().any(|whole| path == Path::new(whole));
    path.is_absolute() && !is_whole && !OWN_PLACES.iter().any(|place| path.starts_with(place))
}

/// Whether it is seen inside without being exposed.
pub(super) fn is_seen_anyway(path: &Path) -> bool {
    PROGRAMS.iter().any(|folder| path.starts_with(folder))
}

/// Builds the root and makes it this process's.
pub(super) fn enter_root(plan: &Plan) -> Result<(), Refusal> {
    let everything = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", everything).map_err(at("keep mounts to itself"))?;
    let base = &plan.base;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("wassert", base, "tmpfs", flags, c"mode=755,size=16m").map_err(at("mount a root"))?;

    let mut root = Root { base: base.clone(), read_only: Vec::new() };
    for folder in PROGRAMS {
        root.like(folder)?;
    }
    root.etc()?;
    root.bind(&plan.folder, RUN)?;
    for place in ["/tmp", "/var/tmp"] {
        root.bind(&plan.folder.join("tmp"), place)?;
    }
    root.devices()?;
    root.kernel(plan.own_network)?;
    for exposed in &plan.exposed {
        root.expose(exposed, &plan.hidden)?;
    }
    for folder in ["run", "home", "root", "mnt", "srv", "media"] {
        let _ = std::fs::create_dir(base.join(folder));
    }
    root.close()?;

    rustix::process::chdir(base).map_err(at("enter the root"))?;
    rustix::process::pivot_root(".", ".").map_err(at("change the root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(at("leave the old root"))?;
    rustix::process::chdir("/").map_err(at("enter the root"))?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | flags;
    mount_remount("/", flags, c"").map_err(at("close the root"))
}

struct Root {
    base: PathBuf,
    /// Where something was bound that must not be written.
    read_only: Vec<PathBuf>,
}

impl Root {
    /// Where an absolute path will be.
    fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.base.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A path of the machine, as it is there: a link, a file or a folder; nothing where there is none.
    fn like(&mut self, path: &str) -> Result<(), Refusal> {
        let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
        if metadata.is_symlink() {
            return std::fs::read_link(path)
                .and_then(|to| symlink(to, self.place(path)))
                .map_err(at(format!("link {path}")));
        }
        self.bind(Path::new(path), path)?;
        self.read_only.push(self.place(path));
        Ok(())
    }

    /// Binds a file or folder, and everything below it.
    fn bind(&self, source: &Path, target: impl AsRef<Path>) -> Result<(), Refusal> {
        let target = self.place(target);
        let step = || format!("bind {}", source.display());
        let is_folder = std::fs::metadata(source).map_err(at(step()))?.is_dir();
        let made = if is_folder {
            std::fs::create_dir_all(&target)
        } else {
            target
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::OpenOptions::new().append(true).create(true).open(&target).map(drop))
        };
        made.map_err(at(step()))?;
        mount_bind_recursive(source, &target).map_err(at(step()))
    }

    fn expose(&mut self, exposed: &Exposed, hidden: &[PathBuf]) -> Result<(), Refusal> {
        self.bind(&exposed.source, &exposed.target)?;
        self.read_only.push(self.place(&exposed.target));
        for hidden in hidden {
            let Ok(below) = hidden.strip_prefix(&exposed.source) else { continue };
            let place = self.place(exposed.target.join(below));
            let Ok(metadata) = std::fs::symlink_metadata(&place) else { continue };
            let done = if metadata.is_dir() {
                mount("hidden", &place, "tmpfs", MountFlags::RDONLY, c"mode=0,size=4k")
            } else {
                mount_bind("/dev/null", &place)
            };
            done.map_err(at(format!("hide {}", hidden.display())))?;
        }
        Ok(())
    }

    fn etc(&mut self) -> Result<(), Refusal> {
        let write = |name: &str, text: &str| {
            let path = self.place("/etc").join(name);
            std::fs::File::create(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(at(format!("write /etc/{name}")))
        };
        std::fs::create_dir_all(self.place("/etc")).map_err(at("make /etc"))?;
        let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
        let user = super::enter::ORDINARY;
        write("passwd", &format!("wassert:x:{user}:{user}:wassert:{RUN}/home:{shell}\n"))?;
        write("group", &format!("wassert:x:{user}:\n"))?;
        write("hosts", "127.0.0.1 localhost wassert\n::1 localhost wassert\n")?;
        write("hostname", "wassert\n")?;
        write("resolv.conf", "nameserver 127.0.0.1\noptions attempts:1\n")?;
        write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")?;
        for name in SYSTEM_FILES {
            self.like(&format!("/etc/{name}"))?;
        }
        Ok(())
    }

    fn devices(&self) -> Result<(), Refusal> {
        for name in ["null", "zero", "full", "random", "urandom", "tty"] {
            let path = format!("/dev/{name}");
            if Path::new(&path).exists() {
                self.bind(Path::new(&path), &path)?;
            }
        }
        let place = |name: &str| self.place("/dev").join(name);
        for (link, to) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
            ("ptmx", "pts/ptmx"),
        ] {
            symlink(to, place(link)).map_err(at("link devices"))?;
        }
        let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
        for folder in ["pts", "shm"] {
            std::fs::create_dir(place(folder)).map_err(at("make /dev"))?;
        }
        mount("devpts", place("pts"), "devpts", flags, c"newinstance,ptmxmode=0666,mode=620")
            .map_err(at("mount /dev/pts"))?;
        mount("shm", place("shm"), "tmpfs", flags | MountFlags::NODEV, c"mode=1777,size=512m")
            .map_err(at("mount /dev/shm"))
    }

    /// `/proc` and `/sys` show this namespace. Some containers cover parts of theirs, and then a new one is refused.
    fn kernel(&mut self, has_own_network: bool) -> Result<(), Refusal> {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        for folder in ["/proc", "/sys"] {
            std::fs::create_dir(self.place(folder)).map_err(at("make /proc and /sys"))?;
        }
        mount("proc", self.place("/proc"), "proc", flags, c"").map_err(at("mount /proc"))?;
        let is_new = has_own_network
            && mount("sysfs", self.place("/sys"), "sysfs", flags | MountFlags::RDONLY, c"").is_ok();
        if !is_new && Path::new("/sys/kernel").exists() {
            self.bind(Path::new("/sys"), "/sys")?;
            self.read_only.push(self.place("/sys"));
        }
        // Who owns a setting may write it, and outside this user may be root.
        for name in KERNEL_SETTINGS {
            let place = self.place("/proc").join(name);
            let is_roots = rustix::fs::stat(&place).is_ok_and(|stat| stat.st_uid == super::enter::ORDINARY);
            if is_roots {
                mount_bind(&place, &place).map_err(at("close /proc"))?;
                let flags = MountFlags::BIND | MountFlags::RDONLY | flags;
                mount_remount(&place, flags, c"").map_err(at("close /proc"))?;
            }
        }
        Ok(())
    }

    /// Makes everything read-only that must not be written, with all that is mounted below it.
    fn close(&self) -> Result<(), Refusal> {
        let table = std::fs::read("/proc/self/mountinfo").map_err(at("read the list of mounts"))?;
        for line in table.split(|byte| *byte == b'\n') {
            let mut words = line.split(|byte| *byte == b' ').skip(4);
            let (Some(path), Some(options)) = (words.next(), words.next()) else { continue };
            let path = PathBuf::from(std::ffi::OsString::from_vec(unescape(path)));
            if self.read_only.iter().any(|read_only| path.starts_with(read_only)) {
                let flags = kept(options) | MountFlags::BIND | MountFlags::RDONLY;
                mount_remount(&path, flags, c"").map_err(at(format!("close {}", path.display())))?;
            }
        }
        let _ = std::fs::set_permissions(&self.base, std::fs::Permissions::from_mode(0o755));
        Ok(())
    }
}

/// What a mount forbids, it must go on to forbid: the kernel refuses to loosen it.
fn kept(options: &[u8]) -> MountFlags {
    options
        .split(|byte| *byte == b',')
        .filter_map(|option| {
            Some(match option {
                b"nosuid" => MountFlags::NOSUID,
                b"nodev" => MountFlags::NODEV,
                b"noexec" => MountFlags::NOEXEC,
                b"noatime" => MountFlags::NOATIME,
                b"nodiratime" => MountFlags::NODIRATIME,
                b"relatime" => MountFlags::RELATIME,
                b"nosymfollow" => MountFlags::NOSYMFOLLOW,
                _ => return None,
            })
        })
        .collect()
}

/// Blanks, tabs, line ends and backslashes stand in the list as `\` and three octal digits.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                plain.push(byte);
                rest = &after[3..];
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_list_are_read_as_the_kernel_writes_them() {
        assert_eq!(unescape(br"/a\040b\134c\9x\"), br"/a b\c\9x\");
        assert!(kept(b"ro,nosuid,relatime") == MountFlags::NOSUID | MountFlags::RELATIME);
    }

    #[test]
    fn own_places_cover_the_machines() {
        assert!(keeps_its_path(Path::new("/home/me/agent")) && keeps_its_path(Path::new("/tmp/x")));
        for path in ["/tmp", "/", "relative", "/run/x", "/wassert/x", "/etc/codex"] {
            assert!(!keeps_its_path(Path::new(path)), "{path}");
        }
        assert!(is_seen_anyway(Path::new("/usr/local/bin/codex")));
    }
}
