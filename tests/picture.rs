//! The pictures in the documentation show what the program prints and draws.

use std::path::Path;
use std::process::Command;

#[test]
fn the_picture_of_the_demo_is_current() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = Command::new("python3")
        .arg(project.join("scripts/demo-svg.py"))
        .args(["--check", "--binary", env!("CARGO_BIN_EXE_fkfix")])
        .output()
        .expect("python3 draws the picture");
    let told = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{told}");
}

#[test]
fn the_picture_of_the_graph_is_current() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = Command::new(project.join("scripts/graph-svg.sh"))
        .args(["--check", env!("CARGO_BIN_EXE_fkfix")])
        .output()
        .expect("the script runs");
    let told = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{told}");
}
