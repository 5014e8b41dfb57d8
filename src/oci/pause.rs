//! The program that holds a pod's namespaces: it waits, reaps orphans, and exits on a signal.
//!
//! The build has no such program for every architecture, and must not require a compiler, so it is
//! written out here: the machine code of
//!
//! ```c
//! rt_sigprocmask(SIG_BLOCK, &all, NULL, 8);
//! for (;;)
//!     switch (rt_sigtimedwait(&all, NULL, NULL, 8)) {
//!     case SIGCHLD: while (wait4(-1, NULL, WNOHANG, NULL) > 0); break;
//!     case SIGTERM: case SIGINT: exit(0);
//!     }
//! ```
//!
//! after the headers of ELF (System V ABI, chapters 4 and 5; processor supplements for the machine
//! numbers). A busybox would also work, at a thousand times the size.

use crate::names::Arch;

/// Where the kernel loads it: the usual address on either architecture.
const ADDRESS: u64 = 0x0040_0000;
const FILE_HEADER: u16 = 64;
const PROGRAM_HEADER: u16 = 56;

/// The machine number in an ELF file: `EM_X86_64`, `EM_AARCH64`.
pub const fn elf_machine(arch: Arch) -> u16 {
    match arch {
        Arch::Amd64 => 62,
        Arch::Arm64 => 183,
    }
}

#[rustfmt::skip]
const AMD64: [u8; 107] = [
    0xb8, 0x0e, 0x00, 0x00, 0x00, // mov eax, 14 (rt_sigprocmask)
    0x31, 0xff, // xor edi, edi (SIG_BLOCK)
    0x48, 0x8d, 0x35, 0x55, 0x00, 0x00, 0x00, // lea rsi, [rip + all]
    0x31, 0xd2, // xor edx, edx
    0x41, 0xba, 0x08, 0x00, 0x00, 0x00, // mov r10d, 8
    0x0f, 0x05, // syscall
    0xb8, 0x80, 0x00, 0x00, 0x00, // wait: mov eax, 128 (rt_sigtimedwait)
    0x48, 0x8d, 0x3d, 0x3f, 0x00, 0x00, 0x00, // lea rdi, [rip + all]
    0x31, 0xf6, // xor esi, esi
    0x31, 0xd2, // xor edx, edx
    0x41, 0xba, 0x08, 0x00, 0x00, 0x00, // mov r10d, 8
    0x0f, 0x05, // syscall
    0x83, 0xf8, 0x11, // cmp eax, 17 (SIGCHLD)
    0x74, 0x13, // je reap
    0x83, 0xf8, 0x0f, // cmp eax, 15 (SIGTERM)
    0x74, 0x05, // je exit
    0x83, 0xf8, 0x02, // cmp eax, 2 (SIGINT)
    0x75, 0xd9, // jne wait
    0xb8, 0x3c, 0x00, 0x00, 0x00, // exit: mov eax, 60 (exit)
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
    0xb8, 0x3d, 0x00, 0x00, 0x00, // reap: mov eax, 61 (wait4)
    0x48, 0x83, 0xcf, 0xff, // or rdi, -1
    0x31, 0xf6, // xor esi, esi
    0xba, 0x01, 0x00, 0x00, 0x00, // mov edx, 1 (WNOHANG)
    0x45, 0x31, 0xd2, // xor r10d, r10d
    0x0f, 0x05, // syscall
    0x85, 0xc0, // test eax, eax
    0x7f, 0xe7, // jg reap
    0xeb, 0xb5, // jmp wait
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // all: every signal
];

#[rustfmt::skip]
const ARM64: [u8; 128] = [
    0xe8, 0x10, 0x80, 0xd2, // mov x8, #135 (rt_sigprocmask)
    0x00, 0x00, 0x80, 0xd2, // mov x0, #0 (SIG_BLOCK)
    0x81, 0x03, 0x00, 0x10, // adr x1, all
    0x02, 0x00, 0x80, 0xd2, // mov x2, #0
    0x03, 0x01, 0x80, 0xd2, // mov x3, #8
    0x01, 0x00, 0x00, 0xd4, // svc #0
    0x28, 0x11, 0x80, 0xd2, // wait: mov x8, #137 (rt_sigtimedwait)
    0xe0, 0x02, 0x00, 0x10, // adr x0, all
    0x01, 0x00, 0x80, 0xd2, // mov x1, #0
    0x02, 0x00, 0x80, 0xd2, // mov x2, #0
    0x03, 0x01, 0x80, 0xd2, // mov x3, #8
    0x01, 0x00, 0x00, 0xd4, // svc #0
    0x1f, 0x44, 0x00, 0x71, // cmp w0, #17 (SIGCHLD)
    0x00, 0x01, 0x00, 0x54, // b.eq reap
    0x1f, 0x3c, 0x00, 0x71, // cmp w0, #15 (SIGTERM)
    0x60, 0x00, 0x00, 0x54, // b.eq exit
    0x1f, 0x08, 0x00, 0x71, // cmp w0, #2 (SIGINT)
    0xa1, 0xfe, 0xff, 0x54, // b.ne wait
    0xa8, 0x0b, 0x80, 0xd2, // exit: mov x8, #93 (exit)
    0x00, 0x00, 0x80, 0xd2, // mov x0, #0
    0x01, 0x00, 0x00, 0xd4, // svc #0
    0x88, 0x20, 0x80, 0xd2, // reap: mov x8, #260 (wait4)
    0x00, 0x00, 0x80, 0x92, // mov x0, #-1
    0x01, 0x00, 0x80, 0xd2, // mov x1, #0
    0x22, 0x00, 0x80, 0xd2, // mov x2, #1 (WNOHANG)
    0x03, 0x00, 0x80, 0xd2, // mov x3, #0
    0x01, 0x00, 0x00, 0xd4, // svc #0
    0x1f, 0x00, 0x00, 0x71, // cmp w0, #0
    0x2c, 0xff, 0xff, 0x54, // b.gt reap
    0xe9, 0xff, 0xff, 0x17, // b wait
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // all: every signal
];

/// The program: a static executable of one segment.
pub fn pause(arch: Arch) -> Vec<u8> {
    let code: &[u8] = match arch {
        Arch::Amd64 => &AMD64,
        Arch::Arm64 => &ARM64,
    };
    let start = usize::from(FILE_HEADER + PROGRAM_HEADER);
    let size = (start + code.len()) as u64;
    let mut elf = Vec::with_capacity(start + code.len());
    // e_ident: 64 bits, little endian, version 1, System V
    elf.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    elf.extend(2u16.to_le_bytes()); // e_type: ET_EXEC
    elf.extend(elf_machine(arch).to_le_bytes());
    elf.extend(1u32.to_le_bytes()); // e_version
    elf.extend((ADDRESS + start as u64).to_le_bytes()); // e_entry
    elf.extend(u64::from(FILE_HEADER).to_le_bytes()); // e_phoff
    elf.extend(0u64.to_le_bytes()); // e_shoff
    elf.extend(0u32.to_le_bytes()); // e_flags
    for half in [FILE_HEADER, PROGRAM_HEADER, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes()); // e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
    }
    elf.extend(1u32.to_le_bytes()); // p_type: PT_LOAD
    elf.extend(5u32.to_le_bytes()); // p_flags: PF_R | PF_X
    for word in [0, ADDRESS, ADDRESS, size, size, 0x10000] {
        elf.extend(word.to_le_bytes()); // p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
    }
    elf.extend(code);
    elf
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is() {
            assert!(Instant::now() < end, "waited in vain until {what}");
            std::thread::yield_now();
        }
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn it_waits_buries_orphans_and_leaves_when_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pause");
        std::fs::write(&path, pause(Arch::Amd64)).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
        // The shell becomes the program, and so its child the program's.
        let mut process = Command::new("/bin/sh")
            .args(["-c", "exec 3<&0; cat <&3 & echo $!; exec \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let child = Path::new("/proc").join(line.trim());
        let status = format!("/proc/{}/status", process.id());
        wait_until("it waits", || {
            let status = std::fs::read_to_string(&status).expect("it runs");
            // It sleeps nowhere but in rt_sigtimedwait.
            status.contains("Name:\tpause\n") && status.contains("State:\tS")
        });
        assert!(child.exists());
        drop(process.stdin.take()); // the child ends
        wait_until("the child is buried", || !child.exists());
        assert!(process.try_wait().expect("asked").is_none());
        let told = Command::new("kill").arg(process.id().to_string()).status();
        assert!(told.expect("kill").success());
        assert!(process.wait().expect("waited").success());
    }
}
