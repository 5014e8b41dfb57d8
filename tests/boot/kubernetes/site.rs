//! A site that programs are fetched from, on the host's loopback.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use imgbuild::oci::digest_of;

use super::VERSION;

/// A download site laid out as upstream's.
pub struct Site {
    /// `127.0.0.1:PORT`
    pub address: String,
    given: Arc<Mutex<Vec<String>>>,
}

/// What it has.
struct Wares {
    folder: PathBuf,
    names: Vec<&'static str>,
    /// The program that at first is not the one whose hash the site tells.
    wrong_once: Option<&'static str>,
}

impl Site {
    /// Serves the programs `names` of `folder`.
    pub fn start(folder: &Path, names: &[&'static str], wrong_once: Option<&'static str>) -> Self {
        let wares = Wares {
            folder: folder.to_owned(),
            names: names.to_vec(),
            wrong_once,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let given = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&given);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Who hangs up asks again.
                let _ = answer(stream.unwrap(), &wares, &log);
            }
        });
        Self { address, given }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often the site gave the program `name`.
    pub fn given(&self, name: &str) -> usize {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.iter().filter(|one| *one == name).count()
    }
}

fn answer(mut stream: TcpStream, wares: &Wares, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let file = path.strip_prefix(&format!("/v{VERSION}/bin/linux/amd64/"));
    let (name, wants_hash) = match file.map(|file| (file, file.strip_suffix(".sha256"))) {
        Some((_, Some(name))) => (name, true),
        Some((name, None)) => (name, false),
        None => ("", false),
    };
    if !wares.names.contains(&name) {
        return write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let mut bytes = fs::read(wares.folder.join(name))?;
    if wants_hash {
        let digest = digest_of(&bytes);
        bytes = digest.trim_start_matches("sha256:").as_bytes().to_vec();
    } else {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if wares.wrong_once == Some(name) && !log.iter().any(|given| given == name) {
            bytes = b"#!/bin/sh\necho another program\n".to_vec();
        }
        log.push(name.to_owned());
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    )?;
    stream.write_all(&bytes)
}
