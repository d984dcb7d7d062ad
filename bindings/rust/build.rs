//! Builds the C++ runtime with `CMake` as a static library, or takes the one in `ARSENAL_LIB_DIR`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=ARSENAL_LIB_DIR");
    let library = env::var_os("ARSENAL_LIB_DIR").map_or_else(build, PathBuf::from);
    println!("cargo::rustc-link-search=native={}", library.display());
    println!("cargo::rustc-link-lib=static=arsenal");
    let target = env::var("CARGO_CFG_TARGET_VENDOR").expect("cargo sets CARGO_CFG_TARGET_VENDOR");
    println!("cargo::rustc-link-lib={}", if target == "apple" { "c++" } else { "stdc++" });
}

/// Where the library lies once it is built.
fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for source in ["CMakeLists.txt", "Cargo.toml", "cpp/CMakeLists.txt", "cpp/cmake", "cpp/include", "cpp/src"] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let build = out.join("cmake");
    let operators = if env::var_os("CARGO_FEATURE_ALL_OPERATORS").is_some() { "all" } else { "trees" };
    run(Command::new("cmake")
        .arg("--fresh")
        .arg("-S")
        .arg(&root)
        .arg("-B")
        .arg(&build)
        .args(["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_INSTALL_LIBDIR=lib", "-DARSENAL_BUILD_TESTS=OFF"])
        .arg(format!("-DARSENAL_OPERATORS={operators}")));
    run(Command::new("cmake").arg("--build").arg(&build).arg("--parallel"));
    run(Command::new("cmake").arg("--install").arg(&build).arg("--prefix").arg(&out).args(["--component", "runtime"]));
    out.join("lib")
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?} ended with {status}"),
        Err(error) => panic!("cannot start {command:?}: {error}; CMake >= 3.24 builds the runtime"),
    }
}
