//! Tries what of Rust's standard library reaches the world: its first argument names what. Needs nothing but std.
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, io, process, thread};

/// Writes, reads, lists, renames and removes in a folder that it was given.
fn files(folder: &str) -> io::Result<()> {
    let inner = format!("{folder}/inner");
    fs::create_dir_all(format!("{inner}/deep"))?;
    let path = format!("{inner}/data");
    let mut file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    file.write_all(b"0123456789")?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all(b"four")?;
    file.set_len(9)?;
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    assert_eq!(text, "0123four8");
    drop(file);

    fs::OpenOptions::new().append(true).open(&path)?.write_all(b"+tail")?;
    assert_eq!(fs::read(&path)?, b"0123four8+tail");
    fs::rename(&path, format!("{inner}/moved"))?;
    fs::copy(format!("{inner}/moved"), format!("{inner}/copied"))?;
    let mut names: Vec<_> = fs::read_dir(&inner)?.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect::<io::Result<_>>()?;
    names.sort();
    assert_eq!(names, ["copied", "deep", "moved"]);
    assert_eq!(fs::metadata(format!("{inner}/moved"))?.len(), 14);
    assert_eq!(fs::File::open(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    fs::remove_file(format!("{inner}/moved"))?;
    fs::remove_file(format!("{inner}/copied"))?;
    fs::remove_dir(format!("{inner}/deep"))?;
    fs::remove_dir(&inner)?;
    assert!(fs::metadata(&inner).is_err());
    println!("files: ok");
    Ok(())
}

/// Keys of a map are hashed with random numbers of the host.
fn random() {
    let map: HashMap<u32, u32> = (0..10_000).map(|n| (n, n * n)).collect();
    let firsts: Vec<_> = map.keys().take(8).map(u32::to_string).collect();
    println!("order: {}", firsts.join(" "));
}

fn time() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let start = Instant::now();
    thread::sleep(Duration::from_millis(60));
    println!("seconds: {}", since.as_secs());
    println!("slept: {}", start.elapsed().as_millis());
}

fn memory() {
    let numbers: Vec<u64> = (0..6_000_000).collect();
    println!("sum: {}", numbers.iter().sum::<u64>());
}

/// There are none in this WASI: starting one is an error and no trap.
fn threads() {
    match thread::Builder::new().spawn(|| ()) {
        Ok(_) => println!("threads: some"),
        Err(error) => println!("threads: {}", error.kind()),
    }
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let second = arguments.get(1).map(String::as_str).unwrap_or("");
    match arguments.first().map(String::as_str) {
        Some("files") => files(second).unwrap(),
        Some("env") => println!("{}: {}", second, env::var(second).unwrap_or_else(|error| error.to_string())),
        Some("random") => random(),
        Some("time") => time(),
        Some("memory") => memory(),
        Some("threads") => threads(),
        Some("panic") => panic!("as it was told"),
        Some("exit") => process::exit(second.parse().unwrap()),
        Some("lines") => io::stdin().lines().for_each(|line| println!("[{}]", line.unwrap())),
        other => panic!("expected something to try, got {other:?}"),
    }
}
