//! Builds `arsenal._cpp` with `CMake` beside `arsenal._rust`, so that one wheel holds both.
//!
//! maturin picks `_cpp*.so` up from `OUT_DIR` (see `[tool.maturin] include`).

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for source in [
        "CMakeLists.txt",
        "Cargo.toml",
        "cpp/CMakeLists.txt",
        "cpp/cmake",
        "cpp/include",
        "cpp/src",
        "bindings/pybind11",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    println!("cargo::rerun-if-env-changed=PYO3_PYTHON");
    println!("cargo::rerun-if-env-changed=ARSENAL_WERROR");

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let build = out.join("cmake");
    let werror = if env::var_os("ARSENAL_WERROR").is_some() { "ON" } else { "OFF" };
    let python = env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    // --fresh: a target folder shared by two checkouts would otherwise hold the other's cache.
    run(Command::new("cmake")
        .arg("--fresh")
        .arg("-S")
        .arg(&root)
        .arg("-B")
        .arg(&build)
        .args(["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DARSENAL_BUILD_PYTHON=ON", "-DARSENAL_BUILD_TESTS=OFF"])
        .arg(format!("-DARSENAL_WERROR={werror}"))
        .arg(format!("-DPython_EXECUTABLE={python}")));
    run(Command::new("cmake").arg("--build").arg(&build));
    run(Command::new("cmake").arg("--install").arg(&build).arg("--prefix").arg(&out).args(["--component", "python"]));
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?} ended with {status}"),
        Err(error) => {
            panic!("cannot start {command:?}: {error}; CMake >= 3.24 and ninja come with `pip install cmake ninja`")
        }
    }
}
