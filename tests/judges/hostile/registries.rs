//! Servers that hold a client up: registries of images.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use imgbuild::oci::{MANIFEST_TYPES, digest_of};
use serde_json::json;

use super::images::{BUILD, project};
use super::{limited, refused};

/// A server on loopback that gives each request, by its path and its `Authorization`, to `answer`.
/// Its address.
fn server(answer: impl Fn(&mut TcpStream, &str, &str) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("works");
    let address = listener.local_addr().expect("works").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Ok(reader) = stream.try_clone() else {
                return;
            };
            let mut lines = BufReader::new(reader).lines();
            let Some(Ok(request)) = lines.next() else {
                continue;
            };
            let mut authorization = String::new();
            for line in lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
            {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("authorization: ") {
                    line[line.len() - value.len()..].clone_into(&mut authorization);
                }
            }
            let path = request.split(' ').nth(1).unwrap_or_default();
            answer(&mut stream, path, &authorization);
        }
    });
    address
}

/// Sends `piece` until nobody takes it any more.
fn for_ever(stream: &mut TcpStream, head: &str, piece: &[u8]) {
    let mut sent = stream.write_all(head.as_bytes());
    while sent.is_ok() {
        sent = stream.write_all(piece);
    }
}

fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // Who hangs up has what it wants.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

type Answer = fn(&mut TcpStream, &str, &str);

#[test]
fn endless_answers_of_registries_are_refused() {
    const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    const ANYWHERE: &str = "HTTP/1.1 302 Found\r\n";
    let cases: [(&str, Answer, &str); 7] = [
        (
            "an endless manifest",
            |stream, _, _| for_ever(stream, OK, &[b' '; 1 << 13]),
            "more than the expected 4194304 bytes",
        ),
        (
            "endless headers",
            |stream, _, _| {
                for_ever(
                    stream,
                    "HTTP/1.1 200 OK\r\n",
                    b"X-Header: aaaaaaaaaaaaaaaa\r\n",
                );
            },
            "requesting the image",
        ),
        (
            "an endless header",
            |stream, _, _| for_ever(stream, "HTTP/1.1 200 OK\r\nX: ", &[b'a'; 1 << 13]),
            "requesting the image",
        ),
        (
            "redirects",
            |stream, path, _| {
                let place = format!("{ANYWHERE}Location: {path}a\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(place.as_bytes());
            },
            "requesting the image",
        ),
        (
            "an endless token",
            |stream, path, _| {
                if path.starts_with("/token") {
                    for_ever(stream, OK, &[b' '; 1 << 13]);
                } else {
                    let host = stream.local_addr().expect("works");
                    let ask = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\"\r\n");
                    send(stream, "401 Unauthorized", &ask, b"");
                }
            },
            "more than the expected 1048576 bytes",
        ),
        (
            "an index of very many values",
            |stream, _, _| {
                let values = format!(r#"{{"manifests":[{}0]}}"#, "0,".repeat(2_000_000));
                send(stream, "200 OK", "", values.as_bytes());
            },
            "MiB of memory to parse",
        ),
        (
            "a layer without an end",
            |stream, path, _| {
                let config =
                    br#"{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":["a"]}}"#;
                let layer = digest_of(b"layer");
                if path.contains("/manifests/") {
                    let manifest = json!({
                        "mediaType": MANIFEST_TYPES[0],
                        "config": { "digest": digest_of(config), "size": config.len() },
                        "layers": [{
                            "mediaType": "application/vnd.oci.image.layer.v1.tar",
                            "digest": layer, "size": u64::MAX,
                        }],
                    });
                    send(stream, "200 OK", "", manifest.to_string().as_bytes());
                } else if path.ends_with(&digest_of(config)) {
                    send(stream, "200 OK", "", config);
                } else {
                    for_ever(stream, OK, &[0; 1 << 13]);
                }
            },
            "more than 16 GiB",
        ),
    ];
    for (name, answer, why) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let host = server(answer);
        project(folder.path(), &format!("{host}/a:1"));
        refused(name, folder.path(), &BUILD, 1, why);
    }
}

/// A registry gives out tokens, as the public ones do; where it names no address for them it is
/// not asked again and again.
#[test]
fn tokens_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = server(|stream, path, authorization| {
        let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[]}}"#;
        if path == "/token?service=lab&scope=repository%3Aa%2Fb%3Apull" {
            send(stream, "200 OK", "", br#"{"token":"right"}"#);
        } else if authorization != "Bearer right" {
            let host = stream.local_addr().expect("works");
            let ask = format!(
                "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"lab\",scope=\"repository:a/b:pull\"\r\n"
            );
            send(stream, "401 Unauthorized", &ask, b"");
        } else if path.contains("/manifests/") {
            let manifest = json!({
                "mediaType": MANIFEST_TYPES[0],
                "config": { "digest": digest_of(config), "size": config.len() },
                "layers": [],
            });
            send(stream, "200 OK", "", manifest.to_string().as_bytes());
        } else {
            send(stream, "200 OK", "", config);
        }
    });
    project(folder.path(), &format!("{host}/a/b:1"));
    let output = limited(folder.path(), &BUILD);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let folder = tempfile::tempdir().expect("a folder");
    let host = server(|stream, _, _| {
        send(
            stream,
            "401 Unauthorized",
            "WWW-Authenticate: Bearer\r\n",
            b"",
        );
    });
    project(folder.path(), &format!("{host}/a:1"));
    refused(
        "nowhere",
        folder.path(),
        &BUILD,
        1,
        "has no address for tokens",
    );
}
